// The broker's files and doors with a real mosquitto: who may come in, through which door, to which
// topics; who is thrown out by a revocation; and what a client refuses by itself.
#include "link_broker.h"

#include "davy/link/broker.h"
#include "davy/link/mqtt.h"
#include "davy/link/os.h"

#include <openssl/ssl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define SITE "0a0b0c0d"

struct site {
    char folder[TEST_PATH_BYTES], keys[TEST_PATH_BYTES];
    struct broker_book book;
    struct broker broker;
    struct broker_device devices[2];
    uint32_t device_count;
    uint16_t tls, psk;
    char secret[PKI_PSK_BYTES];
    char files[3][TEST_PATH_BYTES]; // authority, certificate, key of c1
};
static struct site site;
static bool have_broker;

static bool write_site(void) {
    bool changed = false;
    struct broker_plan plan = {.folder = site.folder,
                               .keys_folder = site.keys,
                               .site = SITE,
                               .book = &site.book,
                               .devices = site.devices,
                               .device_count = site.device_count,
                               .now = os_now().utc};
    assert_int_equal(broker_write(&plan, &changed), RC_OK);
    return changed;
}

static void make_device_files(void) {
    struct broker_authority authority;
    struct buf secret, public_key, certificate;
    buf_init(&secret, 8192);
    buf_init(&public_key, 256);
    buf_init(&certificate, 8192);
    assert_int_equal(broker_authority_open(site.keys, SITE, &authority), RC_OK);
    assert_int_equal(pki_key_make(&secret, &public_key), RC_OK);
    struct pki_authority pem = {.secret = buf_slice(&authority.secret),
                                .certificate = buf_slice(&authority.certificate)};
    struct pki_issue issue = {
        .name = "c1", .serial = site.devices[0].id, .public_key = buf_slice(&public_key)};
    assert_int_equal(pki_issue(&pem, &issue, &certificate), RC_OK);
    const struct buf *const texts[] = {&authority.certificate, &certificate, &secret};
    static const char *const names[] = {"t-ca", "t-crt", "t-key"};
    for (size_t i = 0; i < 3; i++) {
        test_path(site.keys, names[i], site.files[i]);
        assert_int_equal(os_file_write(site.files[i], buf_slice(texts[i]), 0600), RC_OK);
    }
    broker_authority_close(&authority);
    buf_fini(&secret);
    buf_fini(&public_key);
    buf_fini(&certificate);
}

static void door_text(char *out, uint16_t port) {
    (void)snprintf(out, BROKER_ADDRESS_BYTES, "127.0.0.1:%u", port);
}

static int setup(void **state) {
    (void)state;
    static const char *const programs[] = {"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"};
    have_broker = broker_program(programs) != NULL;
    test_folder_make(site.folder);
    test_path(site.folder, "keys", site.keys);
    assert_int_equal(os_folder_make(site.keys), RC_OK);
    site.broker.port = broker_free_port();
    site.tls = broker_free_port();
    site.psk = broker_free_port();
    door_text(site.book.doors.loopback, site.broker.port);
    door_text(site.book.doors.tls, site.tls);
    door_text(site.book.doors.psk, site.psk);
    struct broker_account *account = broker_account_add(&site.book, "hub");
    account->kind = BROKER_HUB;
    assert_int_equal(pki_password_hash("hubword", account->hash), RC_OK);
    account = broker_account_add(&site.book, "plant");
    account->kind = BROKER_GATEWAY;
    (void)snprintf(account->topics, sizeof account->topics, "plant/#");
    assert_int_equal(pki_password_hash("plantword", account->hash), RC_OK);
    account = broker_account_add(&site.book, "c1");
    pki_psk_make(site.secret);
    memcpy(account->psk, site.secret, sizeof site.secret);
    site.devices[0] = (struct broker_device){.account = "c1", .id = {{7, 7}}};
    site.device_count = 1;
    assert_int_equal(broker_save(site.folder, &site.book), RC_OK);
    assert_true(write_site());
    make_device_files();
    if (have_broker) {
        char conf[TEST_PATH_BYTES], own[TEST_PATH_BYTES];
        memcpy(site.broker.folder, site.folder, sizeof site.folder);
        test_path(site.folder, "mosquitto.conf", conf);
        test_path(site.folder, "conf", own); // the name by which broker_start starts it
        assert_int_equal(symlink(conf, own), 0);
        broker_start(&site.broker);
    }
    return 0;
}

static int teardown(void **state) {
    (void)state;
    broker_stop(&site.broker);
    broker_book_fini(&site.book);
    test_folder_remove(site.folder);
    return 0;
}

// ---- A client ----

static const char *const down[] = {"davy/" SITE "/d/c1", NULL};
static const char *const join_down[] = {"davy/" SITE "/j/c1/d", NULL};
static const char *const others[] = {"davy/" SITE "/d/c2", NULL};
static const char *const hub_up[] = {"davy/" SITE "/u/#", "davy/" SITE "/j/+/u", NULL};

static struct mqtt_options client(enum mqtt_door door, uint16_t port, const char *account) {
    return (struct mqtt_options){.address = {.door = door, .host = "127.0.0.1", .port = port},
                                 .ca_file = site.files[0],
                                 .certificate_file = site.files[1],
                                 .key_file = site.files[2],
                                 .psk = site.secret,
                                 .client_id = account,
                                 .account = account,
                                 .keepalive_s = 5,
                                 .topics = down,
                                 .qos = 1,
                                 .inbox_bytes_max = 65536,
                                 .out_bytes_max = 65536,
                                 .seed = 1};
}

static void turn(struct mqtt *mqtt, int timeout_ms) {
    struct pollfd entry = {.fd = -1};
    bool has = mqtt_poll(mqtt, &entry, os_now().mono, &timeout_ms);
    (void)poll(&entry, has ? 1 : 0, timeout_ms);
    mqtt_step(mqtt, has ? &entry : NULL, os_now().mono);
}

static bool until_connected(struct mqtt *mqtt, int limit_ms) {
    int64_t end = os_now().mono.v + limit_ms;
    while (!mqtt_connected(mqtt) && os_now().mono.v < end) {
        turn(mqtt, 20);
    }
    return mqtt_connected(mqtt);
}

static bool connects(const struct mqtt_options *options, int limit_ms) {
    struct mqtt *mqtt = NULL;
    assert_int_equal(mqtt_new(options, &mqtt), RC_OK);
    bool connected = until_connected(mqtt, limit_ms);
    mqtt_free(mqtt);
    return connected;
}

static void need_broker(void) {
    if (!have_broker) {
        skip();
    }
}

static void every_door_opens_to_its_own(void **state) {
    (void)state;
    need_broker();
    struct mqtt_options hub = client(MQTT_LOOPBACK, site.broker.port, "hub");
    hub.password = "hubword";
    hub.topics = hub_up;
    assert_true(connects(&hub, 5000));
    // The key's door first: nothing else has readied the library by then.
    struct mqtt_options psk = client(MQTT_PSK, site.psk, "c1");
    assert_true(connects(&psk, 5000));
    struct mqtt_options tls = client(MQTT_TLS, site.tls, "c1");
    assert_true(connects(&tls, 5000));
}

static void and_to_nobody_else(void **state) {
    (void)state;
    need_broker();
    char wrong[PKI_PSK_BYTES];
    pki_psk_make(wrong);
    struct mqtt_options options = client(MQTT_PSK, site.psk, "c1");
    options.psk = wrong;
    assert_false(connects(&options, 700));
    options = client(MQTT_PSK, site.psk, "hub"); // a key, but not that one's
    assert_false(connects(&options, 700));
    options = client(MQTT_LOOPBACK, site.broker.port, "c1"); // it has no password
    options.password = site.secret;
    assert_false(connects(&options, 700));
    options = client(MQTT_TLS, site.psk, "c1"); // the other door
    assert_false(connects(&options, 700));
}

// What the reader takes first of all that the writer says, "" if nothing comes.
static void heard_by(const struct mqtt_options *reading, const struct mqtt_options *writing,
                     const char *const *topics, char out_topic[static 64]) {
    struct mqtt *reader = NULL, *writer = NULL;
    struct mqtt_message message = {.topic = ""};
    assert_int_equal(mqtt_new(reading, &reader), RC_OK);
    assert_int_equal(mqtt_new(writing, &writer), RC_OK);
    assert_true(until_connected(reader, 5000));
    assert_true(until_connected(writer, 5000));
    for (; *topics != NULL; topics++) {
        assert_int_equal(mqtt_publish(writer, *topics, slice_text("x"), 1), RC_OK);
    }
    int64_t end = os_now().mono.v + 700;
    while (!mqtt_next(reader, &message) && os_now().mono.v < end) {
        turn(writer, 10);
        turn(reader, 10);
        message.topic = "";
    }
    (void)snprintf(out_topic, 64, "%s", message.topic);
    mqtt_free(writer);
    mqtt_free(reader);
}

static struct mqtt_options hub_client(void) {
    struct mqtt_options hub = client(MQTT_LOOPBACK, site.broker.port, "hub");
    hub.password = "hubword";
    hub.topics = hub_up;
    return hub;
}

// The account is what the certificate says, whatever the client claims.
static void a_name_cannot_be_borrowed(void **state) {
    (void)state;
    static const char *const says[] = {"davy/" SITE "/u/c2", "davy/" SITE "/d/c1",
                                       "davy/" SITE "/u/c1", NULL};
    static const char *const to_others[] = {"davy/" SITE "/d/c2", NULL};
    char topic[64];
    need_broker();
    struct mqtt_options hub = hub_client();
    struct mqtt_options device = client(MQTT_TLS, site.tls, "c2");
    heard_by(&hub, &device, says, topic);
    assert_string_equal(topic, "davy/" SITE "/u/c1");
    device.topics = others;
    heard_by(&device, &hub, to_others, topic);
    assert_string_equal(topic, "");
}

static void who_is_only_invited_may_only_join(void **state) {
    (void)state;
    static const char *const says[] = {"davy/" SITE "/u/c1", "davy/" SITE "/j/c1/u", NULL};
    static const char *const answers[] = {"davy/" SITE "/d/c1", NULL};
    static const char *const joins[] = {"davy/" SITE "/j/c1/d", NULL};
    char topic[64];
    need_broker();
    site.device_count = 0;
    assert_true(write_site());
    assert_false(write_site()); // nothing differs: nothing is written
    broker_sleep_ms(100);
    struct mqtt_options hub = hub_client();
    struct mqtt_options device = client(MQTT_PSK, site.psk, "c1");
    heard_by(&hub, &device, says, topic);
    assert_string_equal(topic, "davy/" SITE "/j/c1/u");
    heard_by(&device, &hub, answers, topic);
    assert_string_equal(topic, "");
    device.topics = join_down;
    heard_by(&device, &hub, joins, topic);
    assert_string_equal(topic, "davy/" SITE "/j/c1/d");
    site.device_count = 1;
    assert_true(write_site());
    broker_sleep_ms(100);
    heard_by(&hub, &device, says, topic);
    assert_string_equal(topic, "davy/" SITE "/u/c1");
}

// A connection that stands is mute from then on: mosquitto keeps it open, without any right.
static void a_revoked_device_is_out(void **state) {
    (void)state;
    char topic[64] = "";
    need_broker();
    struct mqtt *psk = NULL, *reader = NULL;
    struct mqtt_message message = {.topic = ""};
    struct mqtt_options hub = hub_client();
    struct mqtt_options options = client(MQTT_PSK, site.psk, "c1");
    assert_int_equal(mqtt_new(&options, &psk), RC_OK);
    assert_int_equal(mqtt_new(&hub, &reader), RC_OK);
    assert_true(until_connected(psk, 3000));
    assert_true(until_connected(reader, 3000));
    site.devices[0].revoked = true;
    assert_true(write_site());
    broker_sleep_ms(300);
    assert_int_equal(mqtt_publish(psk, "davy/" SITE "/u/c1", slice_text("late"), 1), RC_OK);
    assert_int_equal(mqtt_publish(psk, "davy/" SITE "/j/c1/u", slice_text("late"), 1), RC_OK);
    int64_t end = os_now().mono.v + 600;
    while (!mqtt_next(reader, &message) && os_now().mono.v < end) {
        turn(psk, 10);
        turn(reader, 10);
        message.topic = "";
    }
    assert_string_equal(message.topic, "");
    mqtt_free(psk);
    mqtt_free(reader);
    struct mqtt_options tls = client(MQTT_TLS, site.tls, "c1");
    assert_false(connects(&tls, 1000));
    assert_false(connects(&options, 1000));
    site.devices[0].revoked = false;
    assert_true(write_site());
    broker_sleep_ms(100);
    static const char *const says[] = {"davy/" SITE "/u/c1", NULL};
    heard_by(&hub, &tls, says, topic);
    assert_string_equal(topic, "davy/" SITE "/u/c1");
}

// ---- What the client refuses by itself ----

static void plain_never_leaves_the_machine(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool good, safe;
        enum mqtt_door door;
    } rows[] = {{"127.0.0.1:1883", true, true, MQTT_LOOPBACK},
                {"localhost:1883", true, true, MQTT_LOOPBACK},
                {"[::1]:1883", true, true, MQTT_LOOPBACK},
                {"127.8.9.1:1", true, true, MQTT_LOOPBACK},
                {"10.0.0.5:1883", true, false, MQTT_LOOPBACK},
                {"0.0.0.0:1883", true, false, MQTT_LOOPBACK},
                {"[fe80::1]:1883", true, false, MQTT_LOOPBACK},
                {"plain:10.0.0.5:1883", true, true, MQTT_PLAIN},
                {"tls:10.0.0.5:8883", true, true, MQTT_TLS},
                {"psk:10.0.0.5:8884", true, true, MQTT_PSK},
                {"psk:10.0.0.5", false, false, MQTT_LOOPBACK},
                {"10.0.0.5:", false, false, MQTT_LOOPBACK},
                {"10.0.0.5:0", false, false, MQTT_LOOPBACK},
                {"10.0.0.5:65536", false, false, MQTT_LOOPBACK},
                {"10.0.0.5:+1", false, false, MQTT_LOOPBACK},
                {":1883", false, false, MQTT_LOOPBACK},
                {"", false, false, MQTT_LOOPBACK}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mqtt_address address = {0};
        assert_int_equal(mqtt_address_parse(rows[i].text, &address), rows[i].good);
        if (rows[i].good) {
            assert_int_equal(address.door, rows[i].door);
            assert_int_equal(mqtt_address_is_safe(&address), rows[i].safe);
            struct mqtt_options options = client(MQTT_LOOPBACK, 1, "c1");
            struct mqtt *mqtt = NULL;
            options.address = address;
            enum rc rc = mqtt_new(&options, &mqtt);
            assert_int_equal(rc, rows[i].safe ? RC_OK : RC_DENIED);
            mqtt_free(mqtt);
        }
    }
    struct mqtt_options options = client(MQTT_TLS, 1, "c1");
    struct mqtt *mqtt = NULL;
    options.key_file = "/nonexistent";
    assert_int_equal(mqtt_new(&options, &mqtt), RC_NOT_FOUND);
    options = client(MQTT_PSK, 1, "c1");
    static const char *const unfit[] = {"", "abc", "00112233445566778899aabbccddee",
                                        "00112233445566778899aabbccddeezz", NULL};
    for (size_t i = 0; i < sizeof unfit / sizeof unfit[0]; i++) {
        options.psk = unfit[i];
        assert_int_equal(mqtt_new(&options, &mqtt), RC_INVALID);
    }
}

// A server with a certificate of its own, and no key of ours: it must not be talked to, neither
// through the key's door nor through the certificate's.
static void a_false_broker_gets_nothing(void **state) {
    (void)state;
    struct buf secret, certificate;
    char key_path[TEST_PATH_BYTES], path[TEST_PATH_BYTES];
    buf_init(&secret, 8192);
    buf_init(&certificate, 8192);
    assert_int_equal(pki_authority_make("false", &secret, &certificate), RC_OK);
    test_path(site.folder, "false.key", key_path);
    test_path(site.folder, "false.crt", path);
    assert_int_equal(os_file_write(key_path, buf_slice(&secret), 0600), RC_OK);
    assert_int_equal(os_file_write(path, buf_slice(&certificate), 0600), RC_OK);
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate_file(context, path, SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(context, key_path, SSL_FILETYPE_PEM), 1);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    static const enum mqtt_door doors[] = {MQTT_PSK, MQTT_TLS};
    for (size_t i = 0; i < 2; i++) {
        struct mqtt_options options = client(doors[i], ntohs(address.sin_port), "c1");
        struct mqtt *mqtt = NULL;
        SSL *ssl = NULL;
        int fd = -1;
        char got[16];
        assert_int_equal(mqtt_new(&options, &mqtt), RC_OK);
        int64_t end = os_now().mono.v + 600;
        while (os_now().mono.v < end) {
            turn(mqtt, 10);
            if (fd < 0 && (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                ssl = SSL_new(context);
                SSL_set_fd(ssl, fd);
                SSL_set_accept_state(ssl);
            }
            if (ssl != NULL) {
                assert_true(SSL_read(ssl, got, sizeof got) <= 0); // not one byte of MQTT
            }
        }
        assert_false(mqtt_connected(mqtt));
        assert_true(fd >= 0);
        SSL_free(ssl);
        close(fd);
        mqtt_free(mqtt);
    }
    close(listener);
    SSL_CTX_free(context);
    buf_fini(&secret);
    buf_fini(&certificate);
}

static int64_t cpu_ms(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

// A peer that takes the connection and answers one byte every now and then, as a line of 9600 baud:
// the loop waits instead of turning.
static void a_slow_handshake_costs_nothing(void **state) {
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    struct mqtt_options options = client(MQTT_TLS, ntohs(address.sin_port), "c1");
    struct mqtt *mqtt = NULL;
    static const uint8_t hello[] = {0x16, 0x03, 0x03, 0x00, 0x7a, 0x02, 0x00, 0x00, 0x76, 0x03};
    assert_int_equal(mqtt_new(&options, &mqtt), RC_OK);
    int fd = -1;
    unsigned turns = 0, sent = 0;
    int64_t before = cpu_ms(), start = os_now().mono.v;
    while (os_now().mono.v < start + 1200) {
        turn(mqtt, 100);
        turns++;
        if (fd < 0) {
            fd = accept(listener, NULL, NULL);
        }
        if (fd >= 0 && os_now().mono.v > start + 100 * (int64_t)sent && sent < sizeof hello) {
            (void)!write(fd, hello + sent++, 1);
        }
    }
    assert_true(fd >= 0);
    assert_true(sent > 5);
    print_message("%u turns, %lld ms of CPU in 1200 ms\n", turns, (long long)(cpu_ms() - before));
    assert_true(turns < 150);
    assert_true(cpu_ms() - before < 200);
    close(fd);
    close(listener);
    mqtt_free(mqtt);
}

// ---- The files ----

static void the_book_is_kept_and_checked(void **state) {
    (void)state;
    static const char *const bad[] = {
        "c1 device - - -\nc1 device - - -\n",
        "c1 king - - -\n",
        "c1 device - - - more\n",
        "c1 device - xyz -\n",
        "c1 device - -\n",
        "a/b device - - -\n",
        "c1 gateway - - davy/x\n",
        "c1 gateway - - #\n",
        "c1 device a:b - -\n",
    };
    char folder[TEST_PATH_BYTES], path[TEST_PATH_BYTES];
    struct broker_book book = {0};
    test_folder_make(folder);
    assert_int_equal(broker_save(folder, &site.book), RC_OK);
    assert_int_equal(broker_read(folder, &book), RC_OK);
    assert_int_equal(book.count, site.book.count);
    for (uint32_t i = 0; i < book.count; i++) {
        assert_memory_equal(&book.accounts[i], &site.book.accounts[i], sizeof book.accounts[i]);
    }
    assert_string_equal(book.doors.psk, site.book.doors.psk);
    broker_book_fini(&book);
    test_path(folder, "accounts", path);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(os_file_write(path, slice_text(bad[i]), 0600), RC_OK);
        assert_int_equal(broker_read(folder, &book), RC_INVALID);
    }
    test_folder_remove(folder);
    assert_null(broker_account_add(&site.book, "a b"));
    assert_false(broker_topics_are_good("plant/#,davy/x"));
    assert_false(broker_topics_are_good("+/x"));
    assert_true(broker_topics_are_good("plant/#,flare/+/v"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_door_opens_to_its_own),
        cmocka_unit_test(and_to_nobody_else),
        cmocka_unit_test(a_name_cannot_be_borrowed),
        cmocka_unit_test(who_is_only_invited_may_only_join),
        cmocka_unit_test(a_revoked_device_is_out),
        cmocka_unit_test(plain_never_leaves_the_machine),
        cmocka_unit_test(a_false_broker_gets_nothing),
        cmocka_unit_test(a_slow_handshake_costs_nothing),
        cmocka_unit_test(the_book_is_kept_and_checked),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
