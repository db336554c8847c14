// One MQTT connection against a real broker, and against peers that are none.
#include "link_broker.h"

#include "davy/link/mqtt.h"
#include "davy/link/os.h"

#include <errno.h>

static struct broker broker;
static bool have_broker;

static const char *const topics[] = {"t/#", NULL};

static struct mqtt *client_new(const char *id, const char *password, size_t inbox_bytes) {
    const struct mqtt_options options = {.address = {.host = "127.0.0.1", .port = broker.port},
                                         .client_id = id,
                                         .account = "a",
                                         .password = password,
                                         .keepalive_s = 5,
                                         .topics = topics,
                                         .qos = 1,
                                         .inbox_bytes_max = inbox_bytes,
                                         .out_bytes_max = 65536,
                                         .seed = 1};
    struct mqtt *mqtt = NULL;
    assert_int_equal(mqtt_new(&options, &mqtt), RC_OK);
    return mqtt;
}

static void turn(struct mqtt *mqtt, int timeout_ms) {
    struct pollfd entry = {.fd = -1};
    bool has = mqtt_poll(mqtt, &entry, os_now().mono, &timeout_ms);
    (void)poll(&entry, has ? 1 : 0, timeout_ms);
    mqtt_step(mqtt, has ? &entry : NULL, os_now().mono);
}

static bool until_connected(struct mqtt *mqtt, bool connected, int limit_ms) {
    int64_t end = os_now().mono.v + limit_ms;
    while (mqtt_connected(mqtt) != connected && os_now().mono.v < end) {
        turn(mqtt, 20);
    }
    return mqtt_connected(mqtt) == connected;
}

static bool until_message(struct mqtt *mqtt, struct mqtt_message *out_message, int limit_ms) {
    int64_t end = os_now().mono.v + limit_ms;
    while (!mqtt_next(mqtt, out_message)) {
        if (os_now().mono.v >= end) {
            return false;
        }
        turn(mqtt, 20);
    }
    return true;
}

static void need_broker(void) {
    if (!have_broker) {
        skip();
    }
}

static void round_trip(void **state) {
    (void)state;
    need_broker();
    struct mqtt *mqtt = client_new("c1", "p", 65536);
    assert_int_equal(mqtt_publish(mqtt, "t/x", slice_text("early"), 1), RC_OFFLINE);
    assert_false(mqtt_link_changed(mqtt));
    assert_true(until_connected(mqtt, true, 3000));
    assert_true(mqtt_link_changed(mqtt));
    assert_false(mqtt_link_changed(mqtt));
    assert_string_equal(mqtt_trouble(mqtt), "");
    for (uint8_t qos = 0; qos <= 1; qos++) {
        assert_int_equal(mqtt_publish(mqtt, "t/x/y", slice_of("\0\xff\n", 3), qos), RC_OK);
        struct mqtt_message message;
        assert_true(until_message(mqtt, &message, 2000));
        assert_string_equal(message.topic, "t/x/y");
        assert_int_equal(message.payload.len, 3);
        assert_memory_equal(message.payload.data, "\0\xff\n", 3);
    }
    assert_int_equal(mqtt_publish(mqtt, "t/x", slice_of(NULL, 0), 1), RC_OK);
    assert_int_equal(mqtt_publish(mqtt, "t/#", slice_text("wildcard"), 1), RC_INVALID);
    assert_int_equal(mqtt_publish(mqtt, "t/x", slice_text("x"), 2), RC_INVALID);
    mqtt_free(mqtt);
}

static void wrong_password(void **state) {
    (void)state;
    need_broker();
    struct mqtt *mqtt = client_new("c2", "wrong", 65536);
    int64_t end = os_now().mono.v + 2000;
    while (mqtt_trouble(mqtt)[0] == '\0' && os_now().mono.v < end) {
        turn(mqtt, 20);
    }
    assert_non_null(strstr(mqtt_trouble(mqtt), "not authorised"));
    assert_false(mqtt_connected(mqtt));
    mqtt_free(mqtt);
}

// The broker is killed and comes back: the link reports both, and works again by itself.
static void broker_restarts(void **state) {
    (void)state;
    need_broker();
    struct mqtt *mqtt = client_new("c3", "p", 65536);
    assert_true(until_connected(mqtt, true, 3000));
    assert_true(mqtt_link_changed(mqtt));
    broker_stop(&broker);
    assert_true(until_connected(mqtt, false, 3000));
    assert_true(mqtt_link_changed(mqtt));
    assert_int_equal(mqtt_publish(mqtt, "t/x", slice_text("lost"), 1), RC_OFFLINE);
    for (int i = 0; i < 5; i++) {
        turn(mqtt, 50);
    }
    assert_true(strlen(mqtt_trouble(mqtt)) > 0);
    broker_start(&broker);
    assert_true(until_connected(mqtt, true, 5000));
    assert_true(mqtt_link_changed(mqtt));
    // What was refused while offline must not arrive now.
    assert_int_equal(mqtt_publish(mqtt, "t/x", slice_text("kept"), 1), RC_OK);
    struct mqtt_message message;
    assert_true(until_message(mqtt, &message, 2000));
    assert_memory_equal(message.payload.data, "kept", 4);
    mqtt_free(mqtt);
}

static void reconnects_when_told(void **state) {
    (void)state;
    need_broker();
    struct mqtt *mqtt = client_new("c4", "p", 65536);
    assert_true(until_connected(mqtt, true, 3000));
    mqtt_reconnect(mqtt);
    turn(mqtt, 0);
    assert_false(mqtt_connected(mqtt));
    assert_true(until_connected(mqtt, true, 3000));
    mqtt_free(mqtt);
}

// A full inbox stops reading from the socket; nothing is lost, all arrives in order later.
static void back_pressure(void **state) {
    (void)state;
    need_broker();
    enum { COUNT = 600, BYTES = 1000 };
    struct mqtt *reader = client_new("c5", "p", 8192);
    struct mqtt *writer = client_new("c6", "p", 1 << 20);
    assert_true(until_connected(reader, true, 3000));
    assert_true(until_connected(writer, true, 3000));
    uint8_t bytes[BYTES] = {0};
    int sent = 0, full = 0;
    while (sent < COUNT) {
        memcpy(bytes, &sent, sizeof(sent));
        enum rc rc = mqtt_publish(writer, "t/n", slice_of(bytes, sizeof(bytes)), 1);
        if (rc == RC_OK) {
            sent++;
        } else {
            assert_int_equal(rc, RC_FULL);
            full++;
            turn(writer, 20);
        }
        turn(reader, 0);
    }
    assert_true(full > 0);
    struct pollfd entry;
    int timeout_ms = 1000;
    assert_true(mqtt_poll(reader, &entry, os_now().mono, &timeout_ms));
    assert_int_equal(entry.events & POLLIN, 0);
    for (int i = 0; i < COUNT; i++) {
        struct mqtt_message message;
        int number = -1;
        int64_t end = os_now().mono.v + 3000;
        while (!mqtt_next(reader, &message)) {
            assert_true(os_now().mono.v < end);
            turn(writer, 0);
            turn(reader, 5);
        }
        memcpy(&number, message.payload.data, sizeof(number));
        assert_int_equal(number, i);
    }
    mqtt_free(writer);
    mqtt_free(reader);
}

// More than the inbox can ever hold is dropped and named; what follows still arrives.
static void too_large(void **state) {
    (void)state;
    need_broker();
    struct mqtt *mqtt = client_new("c7", "p", 4096);
    static uint8_t bytes[60000];
    assert_true(until_connected(mqtt, true, 3000));
    assert_int_equal(mqtt_publish(mqtt, "t/big", slice_of(bytes, sizeof(bytes)), 1), RC_OK);
    assert_int_equal(mqtt_publish(mqtt, "t/small", slice_text("x"), 1), RC_OK);
    struct mqtt_message message;
    assert_true(until_message(mqtt, &message, 2000));
    assert_string_equal(message.topic, "t/small");
    assert_non_null(strstr(mqtt_trouble(mqtt), "60000 bytes on t/big"));
    mqtt_free(mqtt);
}

// Freeing right after publishing loses nothing: it waits for the broker's receipts.
static void free_waits(void **state) {
    (void)state;
    need_broker();
    enum { COUNT = 40 };
    struct mqtt *reader = client_new("c8", "p", 65536);
    struct mqtt *writer = client_new("c9", "p", 65536);
    assert_true(until_connected(reader, true, 3000));
    assert_true(until_connected(writer, true, 3000));
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(mqtt_publish(writer, "t/n", slice_text("x"), 1), RC_OK);
    }
    mqtt_free(writer);
    struct mqtt_message message;
    for (int i = 0; i < COUNT; i++) {
        assert_true(until_message(reader, &message, 2000));
    }
    mqtt_free(reader);
}

static void names_and_options(void **state) {
    (void)state;
    struct mqtt_options options = {.address = {.host = "broker.example", .port = 1883},
                                   .client_id = "x",
                                   .keepalive_s = 5,
                                   .inbox_bytes_max = 4096,
                                   .out_bytes_max = 4096};
    struct mqtt *mqtt = NULL;
    assert_int_equal(mqtt_new(&options, &mqtt), RC_OK);
    int64_t before = os_now().mono.v;
    turn(mqtt, 0);
    turn(mqtt, 0);
    assert_true(os_now().mono.v - before < 500); // no name server was asked
    assert_non_null(strstr(mqtt_trouble(mqtt), "neither a numeric address"));
    mqtt_free(mqtt);
    options.keepalive_s = 4;
    assert_int_equal(mqtt_new(&options, &mqtt), RC_INVALID);
    options.keepalive_s = 5;
    options.client_id = "";
    assert_int_equal(mqtt_new(&options, &mqtt), RC_INVALID);
    options.client_id = "x";
    options.qos = 2;
    assert_int_equal(mqtt_new(&options, &mqtt), RC_INVALID);
    mqtt_free(NULL);
}

// A peer that is no broker: refuses, talks nonsense, or hangs up. The link tries again, more and
// more slowly, and never spins.
static void not_a_broker(void **state) {
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    const struct mqtt_options options = {
        .address = {.host = "localhost", .port = ntohs(address.sin_port)},
        .client_id = "x",
        .keepalive_s = 5,
        .inbox_bytes_max = 4096,
        .out_bytes_max = 4096,
        .seed = 3};
    struct mqtt *mqtt = NULL;
    assert_int_equal(mqtt_new(&options, &mqtt), RC_OK);
    static const char *const nonsense[] = {"\xff\xff\xff\xff\xff\xff", "HTTP/1.0 400\r\n\r\n",
                                           "\x20\x02\x00\x05",
                                           "\x30\x05\x00\xff"
                                           "abc"};
    int accepted = 0, turns = 0;
    int64_t end = os_now().mono.v + 1500;
    while (os_now().mono.v < end) {
        turn(mqtt, 50);
        turns++;
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0) {
            const char *text = nonsense[accepted++ % 4];
            (void)!write(fd, text, strlen(text));
            close(fd);
        }
        assert_false(mqtt_connected(mqtt));
    }
    assert_in_range(accepted, 2, 6);
    assert_true(turns < 200);
    assert_true(strlen(mqtt_trouble(mqtt)) > 0);
    close(listener);
    mqtt_free(mqtt);
}

int main(void) {
    have_broker = broker_new(&broker);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),      cmocka_unit_test(wrong_password),
        cmocka_unit_test(broker_restarts), cmocka_unit_test(reconnects_when_told),
        cmocka_unit_test(back_pressure),   cmocka_unit_test(too_large),
        cmocka_unit_test(free_waits),      cmocka_unit_test(names_and_options),
        cmocka_unit_test(not_a_broker),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (have_broker) {
        broker_end(&broker);
    }
    return failed;
}
