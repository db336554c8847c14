#include "davy/link/mqtt.h"

#include "davy/base/text.h"
#include "link/inbox_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <mosquitto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HOSTS_PATH "/etc/hosts"
#define BACKOFF_MS_MIN 200
#define BACKOFF_MS_MAX 30000
#define CONNECT_MS_MAX 15000 // from the first packet to the last SUBACK
#define MISC_EVERY_MS 1000
#define SUSPEND_MS_MIN 2000 // the boot clock ran ahead by this: the machine slept
#define PACKETS_A_STEP 2000 // then the other descriptors have their turn
#define IN_FLIGHT_MAX 1024  // published, not acknowledged
#define FREE_WAIT_MS 2000
#define TROUBLE_BYTES 160
#define STEADY_MS 2000   // a line that held this long starts its back-off anew
#define TLS_ROUND_MS 20  // between two tries to write while a TLS connection is made
#define TLS_MS_MAX 60000 // instead of CONNECT_MS_MAX: a handshake takes 6 s at 9600 baud
// With forward secrecy, and without certificates: a peer without the key has no way in.
#define PSK_CIPHERS "ECDHE-PSK-CHACHA20-POLY1305:DHE-PSK-CHACHA20-POLY1305"

enum mqtt_state {
    MQTT_WAITING,     // for the back-off to end
    MQTT_CONNECTING,  // no CONNACK yet
    MQTT_SUBSCRIBING, // SUBACKs are missing
    MQTT_CONNECTED
};

struct in_flight {
    int message_id;
    uint32_t bytes;
};

struct mqtt {
    struct mqtt_options options;
    char *client_id, *account, *password;
    char *ca_file, *certificate_file, *key_file, *psk;
    struct mosquitto *library; // NULL while waiting
    enum mqtt_state state;
    bool lost;     // set in a callback; acted upon outside of it
    bool greeted;  // CONNACK taken, subscriptions not asked for yet
    bool reported; // what mqtt_link_changed said last
    uint32_t subscriptions_open;
    uint32_t backoff_ms;
    uint64_t random;
    struct mono_ms retry_at, misc_at, connect_until;
    struct mono_ms ready_at; // the last SUBACK
    struct mono_ms write_at; // the next try to write while TLS is made
    int64_t sleep_ms;        // boot clock minus monotonic clock, as last seen
    struct inbox inbox;
    struct in_flight flights[IN_FLIGHT_MAX];
    uint32_t flight_count;
    int early_id; // acknowledged before mqtt_publish knew its id
    size_t out_bytes;
    char trouble[TROUBLE_BYTES];
};

static int64_t monotonic_ms(void) {
    struct timespec time = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void DAVY_PRINTF(2, 3) trouble(struct mqtt *mqtt, const char *format, ...) {
    char text[TROUBLE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    char clean[TROUBLE_BYTES];
    (void)text_clean(slice_text(text), clean, sizeof(clean));
    if (strcmp(clean, mqtt->trouble) != 0) {
        memcpy(mqtt->trouble, clean, sizeof(clean));
        log_write(mqtt->options.log, LOG_WARNING, "mqtt: %s", clean);
    }
}

// ---- Callbacks: note what happened, nothing else ----

static void on_connect(struct mosquitto *library, void *ctx, int code) {
    (void)library;
    struct mqtt *mqtt = ctx;
    if (code != 0) {
        trouble(mqtt, "the broker refused the connection: %s", mosquitto_connack_string(code));
        mqtt->lost = true;
        return;
    }
    mqtt->greeted = true;
}

static void on_disconnect(struct mosquitto *library, void *ctx, int code) {
    (void)library;
    struct mqtt *mqtt = ctx;
    if (code != 0 && !mqtt->lost) {
        trouble(mqtt, "the connection ended: %s", mosquitto_strerror(code));
    }
    mqtt->lost = true;
}

static void on_subscribe(struct mosquitto *library, void *ctx, int message_id, int count,
                         const int *granted) {
    (void)library;
    (void)message_id;
    struct mqtt *mqtt = ctx;
    for (int i = 0; i < count; i++) {
        if (granted[i] < 0 || granted[i] > 2) {
            trouble(mqtt, "the broker refused a subscription of account %s", mqtt->account);
            mqtt->lost = true;
        } else if (granted[i] < mqtt->options.qos) {
            trouble(mqtt, "the broker granted QoS %d instead of %d", granted[i], mqtt->options.qos);
        }
    }
    if (count > 0 && mqtt->subscriptions_open > 0) {
        mqtt->subscriptions_open--;
    }
}

static void on_publish(struct mosquitto *library, void *ctx, int message_id) {
    (void)library;
    struct mqtt *mqtt = ctx;
    for (uint32_t i = 0; i < mqtt->flight_count; i++) {
        if (mqtt->flights[i].message_id == message_id) {
            mqtt->out_bytes -= mqtt->flights[i].bytes;
            mqtt->flight_count--;
            memmove(&mqtt->flights[i], &mqtt->flights[i + 1],
                    (mqtt->flight_count - i) * sizeof(mqtt->flights[0]));
            return;
        }
    }
    mqtt->early_id = message_id;
}

static void on_message(struct mosquitto *library, void *ctx,
                       const struct mosquitto_message *message) {
    (void)library;
    struct mqtt *mqtt = ctx;
    size_t len = message->payloadlen > 0 ? (size_t)message->payloadlen : 0;
    struct slice payload = slice_of(message->payload, len);
    if (inbox_put(&mqtt->inbox, message->topic, payload, message->retain) != RC_OK) {
        trouble(mqtt, "a message of %zu bytes on %s was dropped: it is too large", len,
                message->topic);
    }
}

// ---- The address: numeric, localhost, or a line of /etc/hosts ----

static bool is_numeric(const char *host) {
    uint8_t address[16];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static bool is_loopback(const char *address) {
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, address, &four) == 1) {
        return ntohl(four.s_addr) >> 24 == 127;
    }
    return inet_pton(AF_INET6, address, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

static bool hosts_line(char *line, const char *name, char out_address[static MQTT_HOST_BYTES]) {
    char *save = NULL;
    line[strcspn(line, "#\n")] = '\0';
    const char *address = strtok_r(line, " \t", &save);
    if (address == NULL || !is_numeric(address) || strlen(address) >= MQTT_HOST_BYTES) {
        return false;
    }
    const char *word = strtok_r(NULL, " \t", &save);
    while (word != NULL && strcmp(word, name) != 0) {
        word = strtok_r(NULL, " \t", &save);
    }
    if (word == NULL) {
        return false;
    }
    memcpy(out_address, address, strlen(address) + 1);
    return true;
}

// Never asks a name server: that would stop the loop for up to 40 s.
static bool address_find(const char *host, char out_address[static MQTT_HOST_BYTES]) {
    const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    if (is_numeric(numeric) && strlen(numeric) < MQTT_HOST_BYTES) {
        memcpy(out_address, numeric, strlen(numeric) + 1);
        return true;
    }
    FILE *file = fopen(HOSTS_PATH, "re");
    if (file == NULL) {
        return false;
    }
    char line[1024];
    bool found = false;
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        found = hosts_line(line, host, out_address);
    }
    (void)fclose(file);
    return found;
}

// ---- One connection's life ----

static uint64_t random_next(struct mqtt *mqtt) {
    uint64_t x = mqtt->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    mqtt->random = x;
    return x * UINT64_C(0x2545F4914F6CDD1D);
}

// The library is made anew for each connection: its own reconnecting was broken more than once.
static void connection_drop(struct mqtt *mqtt, struct mono_ms now) {
    bool steady = mqtt->state == MQTT_CONNECTED && now.v - mqtt->ready_at.v >= STEADY_MS;
    if (mqtt->library != NULL) {
        mosquitto_destroy(mqtt->library);
        mqtt->library = NULL;
    }
    mqtt->state = MQTT_WAITING;
    mqtt->lost = false;
    mqtt->greeted = false;
    mqtt->flight_count = 0;
    mqtt->out_bytes = 0;
    if (steady) {
        mqtt->backoff_ms = BACKOFF_MS_MIN;
    }
    uint32_t wait = mqtt->backoff_ms + (uint32_t)(random_next(mqtt) % (mqtt->backoff_ms / 2));
    mqtt->retry_at.v = now.v + wait;
    uint32_t doubled = mqtt->backoff_ms * 2;
    mqtt->backoff_ms = doubled > BACKOFF_MS_MAX ? BACKOFF_MS_MAX : doubled;
}

// The library readies itself for TLS only while it makes a context of its own: without this, a
// client with our context fails in its key callback. The connection goes nowhere.
static bool tls_ready(void) {
    struct mosquitto *library = mosquitto_new(NULL, true, NULL);
    bool ready = library != NULL &&
                 mosquitto_tls_psk_set(library, "00", "none", PSK_CIPHERS) == MOSQ_ERR_SUCCESS;
    if (ready) {
        (void)mosquitto_connect_async(library, "127.0.0.1", 9, 5);
    }
    mosquitto_destroy(library);
    ERR_clear_error();
    return ready;
}

// Never TLS 1.3: there a peer without the key may offer a certificate instead, and the library
// would not look at it. Here every certificate fails.
static bool psk_set(struct mqtt *mqtt) {
    SSL_CTX *context = tls_ready() ? SSL_CTX_new(TLS_client_method()) : NULL;
    if (context == NULL) {
        return false;
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    bool set =
        SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
        SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION) == 1 &&
        mosquitto_void_option(mqtt->library, MOSQ_OPT_SSL_CTX, context) == MOSQ_ERR_SUCCESS &&
        mosquitto_int_option(mqtt->library, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 1) ==
            MOSQ_ERR_SUCCESS &&
        mosquitto_tls_opts_set(mqtt->library, SSL_VERIFY_PEER, "tlsv1.2", NULL) ==
            MOSQ_ERR_SUCCESS &&
        mosquitto_tls_psk_set(mqtt->library, mqtt->psk, mqtt->account, PSK_CIPHERS) ==
            MOSQ_ERR_SUCCESS;
    SSL_CTX_free(context); // the library holds a reference of its own
    return set;
}

// "tlsv1.2" is the library's name for that version or a newer one. Certificate, name and key are
// all checked; a certificate that the authority did not issue for this address fails.
static bool certificates_set(struct mqtt *mqtt) {
    return mosquitto_tls_set(mqtt->library, mqtt->ca_file, NULL, mqtt->certificate_file,
                             mqtt->key_file, NULL) == MOSQ_ERR_SUCCESS &&
           mosquitto_tls_opts_set(mqtt->library, SSL_VERIFY_PEER, "tlsv1.2", NULL) ==
               MOSQ_ERR_SUCCESS &&
           mosquitto_tls_insecure_set(mqtt->library, false) == MOSQ_ERR_SUCCESS;
}

static bool door_set(struct mqtt *mqtt) {
    switch (mqtt->options.address.door) {
    case MQTT_TLS:
        return certificates_set(mqtt);
    case MQTT_PSK:
        return psk_set(mqtt);
    case MQTT_LOOPBACK:
    case MQTT_PLAIN:
        break;
    }
    return mosquitto_username_pw_set(mqtt->library, mqtt->account, mqtt->password) ==
           MOSQ_ERR_SUCCESS;
}

static bool is_encrypted(const struct mqtt *mqtt) {
    return mqtt->options.address.door == MQTT_TLS || mqtt->options.address.door == MQTT_PSK;
}

static enum rc library_new(struct mqtt *mqtt) {
    struct mosquitto *library = mosquitto_new(mqtt->client_id, true, mqtt);
    if (library == NULL) {
        return RC_NO_MEMORY;
    }
    mqtt->library = library;
    mosquitto_connect_callback_set(library, on_connect);
    mosquitto_disconnect_callback_set(library, on_disconnect);
    mosquitto_subscribe_callback_set(library, on_subscribe);
    mosquitto_publish_callback_set(library, on_publish);
    mosquitto_message_callback_set(library, on_message);
    bool set = mosquitto_int_option(library, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V311) ==
                   MOSQ_ERR_SUCCESS &&
               mosquitto_int_option(library, MOSQ_OPT_TCP_NODELAY, 1) == MOSQ_ERR_SUCCESS &&
               mosquitto_max_inflight_messages_set(library, IN_FLIGHT_MAX) == MOSQ_ERR_SUCCESS;
    if (!set) {
        return RC_NO_MEMORY;
    }
    return door_set(mqtt) ? RC_OK : RC_INVALID;
}

static void connection_start(struct mqtt *mqtt, struct mono_ms now) {
    char address[MQTT_HOST_BYTES];
    if (!address_find(mqtt->options.address.host, address)) {
        trouble(mqtt, "%s is neither a numeric address nor a name of %s",
                mqtt->options.address.host, HOSTS_PATH);
        connection_drop(mqtt, now);
        return;
    }
    if (mqtt->options.address.door == MQTT_LOOPBACK && !is_loopback(address)) {
        trouble(mqtt, "%s is another machine: a plain connection is refused",
                mqtt->options.address.host);
        connection_drop(mqtt, now);
        return;
    }
    enum rc rc = library_new(mqtt);
    if (rc != RC_OK) {
        trouble(mqtt, rc == RC_INVALID ? "the certificate, its key or the pre-shared key is unfit"
                                       : "no memory for a connection");
        connection_drop(mqtt, now);
        return;
    }
    mqtt->state = MQTT_CONNECTING;
    mqtt->misc_at.v = now.v + MISC_EVERY_MS;
    mqtt->connect_until.v = now.v + (is_encrypted(mqtt) ? TLS_MS_MAX : CONNECT_MS_MAX);
    mqtt->write_at = now;
    int code = mosquitto_connect_async(mqtt->library, address, mqtt->options.address.port,
                                       mqtt->options.keepalive_s);
    if (code != MOSQ_ERR_SUCCESS) {
        trouble(mqtt, "cannot connect to %s:%u: %s", mqtt->options.address.host,
                mqtt->options.address.port,
                code == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(code));
        connection_drop(mqtt, now);
    }
}

static void connection_ready(struct mqtt *mqtt, struct mono_ms now) {
    mqtt->state = MQTT_CONNECTED;
    mqtt->ready_at = now;
    mqtt->trouble[0] = '\0';
}

// After CONNACK: asks for the subscriptions, one SUBACK each.
static void connection_subscribe(struct mqtt *mqtt) {
    mqtt->greeted = false;
    mqtt->state = MQTT_SUBSCRIBING;
    mqtt->subscriptions_open = 0;
    for (const char *const *topic = mqtt->options.topics; topic != NULL && *topic != NULL;
         topic++) {
        mqtt->subscriptions_open++;
        int code = mosquitto_subscribe(mqtt->library, NULL, *topic, mqtt->options.qos);
        if (code != MOSQ_ERR_SUCCESS) {
            trouble(mqtt, "cannot subscribe to %s: %s", *topic, mosquitto_strerror(code));
            mqtt->lost = true;
            return;
        }
    }
}

static bool takes_input(const struct mqtt *mqtt) {
    return mqtt->inbox.used < mqtt->options.inbox_bytes_max;
}

// The library reads one packet a call; errno tells that the socket has no more.
static void read_ready(struct mqtt *mqtt) {
    for (int i = 0; i < PACKETS_A_STEP && takes_input(mqtt) && !mqtt->lost; i++) {
        errno = 0;
        int code = mosquitto_loop_read(mqtt->library, 1);
        if (code != MOSQ_ERR_SUCCESS) {
            mqtt->lost = true;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        }
    }
}

static void write_ready(struct mqtt *mqtt) {
    if (mosquitto_loop_write(mqtt->library, IN_FLIGHT_MAX) != MOSQ_ERR_SUCCESS) {
        mqtt->lost = true;
    }
}

static bool machine_slept(struct mqtt *mqtt, struct mono_ms now) {
    int64_t sleep_ms = now.v - monotonic_ms();
    bool slept = sleep_ms - mqtt->sleep_ms >= SUSPEND_MS_MIN;
    mqtt->sleep_ms = sleep_ms;
    return slept;
}

static void once_a_second(struct mqtt *mqtt, struct mono_ms now) {
    mqtt->misc_at.v = now.v + MISC_EVERY_MS;
    if (mosquitto_loop_misc(mqtt->library) != MOSQ_ERR_SUCCESS) {
        mqtt->lost = true;
    }
    if (machine_slept(mqtt, now)) {
        trouble(mqtt, "the machine slept; connecting anew");
        mqtt->lost = true;
    }
    if (mqtt->state != MQTT_CONNECTED && now.v >= mqtt->connect_until.v) {
        trouble(mqtt, "the broker at %s:%u does not answer", mqtt->options.address.host,
                mqtt->options.address.port);
        mqtt->lost = true;
    }
}

// ---- Public ----

bool mqtt_address_parse(const char *text, struct mqtt_address *out_address) {
    static const struct {
        const char *word;
        enum mqtt_door door;
    } words[] = {{"plain:", MQTT_PLAIN}, {"tls:", MQTT_TLS}, {"psk:", MQTT_PSK}};
    struct mqtt_address address = {.door = MQTT_LOOPBACK};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strncmp(text, words[i].word, strlen(words[i].word)) == 0) {
            address.door = words[i].door;
            text += strlen(words[i].word);
            break;
        }
    }
    const char *colon = strrchr(text, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);
    char *end = NULL;
    if (len > 1 && text[0] == '[' && colon[-1] == ']') { // [::1]:1883
        text++;
        len -= 2;
    }
    if (len == 0 || len >= MQTT_HOST_BYTES || colon[1] < '0' || colon[1] > '9') {
        return false;
    }
    long port = strtol(colon + 1, &end, 10);
    if (*end != '\0' || port < 1 || port > 65535) {
        return false;
    }
    memcpy(address.host, text, len);
    address.port = (uint16_t)port;
    *out_address = address;
    return true;
}

bool mqtt_address_is_safe(const struct mqtt_address *address) {
    char numeric[MQTT_HOST_BYTES];
    return address->door != MQTT_LOOPBACK || !address_find(address->host, numeric) ||
           is_loopback(numeric);
}

// A pre-shared key is an even number of hex digits, 128 bits at least.
static bool psk_is_good(const char *psk) {
    size_t len = psk == NULL ? 0 : strlen(psk);
    return len >= 32 && len <= 128 && len % 2 == 0 && strspn(psk, "0123456789abcdefABCDEF") == len;
}

static enum rc door_check(const struct mqtt_options *options) {
    switch (options->address.door) {
    case MQTT_PSK:
        return psk_is_good(options->psk) && options->account != NULL && options->account[0] != '\0'
                   ? RC_OK
                   : RC_INVALID;
    case MQTT_TLS:
        if (options->ca_file == NULL || options->certificate_file == NULL ||
            options->key_file == NULL) {
            return RC_INVALID;
        }
        return access(options->ca_file, R_OK) == 0 &&
                       access(options->certificate_file, R_OK) == 0 &&
                       access(options->key_file, R_OK) == 0
                   ? RC_OK
                   : RC_NOT_FOUND;
    case MQTT_LOOPBACK:
        return mqtt_address_is_safe(&options->address) ? RC_OK : RC_DENIED;
    case MQTT_PLAIN:
        break;
    }
    return RC_OK;
}

static bool options_are_good(const struct mqtt_options *options) {
    return options->address.host[0] != '\0' && options->address.port > 0 &&
           memchr(options->address.host, '\0', MQTT_HOST_BYTES) != NULL &&
           options->client_id != NULL && options->client_id[0] != '\0' && options->qos <= 1 &&
           options->keepalive_s >= 5 && options->inbox_bytes_max > 0 && options->out_bytes_max > 0;
}

static char *copy_of(const char *text) {
    return strdup(text == NULL ? "" : text);
}

enum rc mqtt_new(const struct mqtt_options *options, struct mqtt **out_mqtt) {
    if (!options_are_good(options)) {
        return RC_INVALID;
    }
    enum rc rc = door_check(options);
    if (rc != RC_OK) {
        return rc;
    }
    struct mqtt *mqtt = calloc(1, sizeof(*mqtt));
    if (mqtt == NULL) {
        return RC_NO_MEMORY;
    }
    mqtt->options = *options;
    mqtt->client_id = copy_of(options->client_id);
    mqtt->account = copy_of(options->account);
    mqtt->password = copy_of(options->password);
    mqtt->ca_file = copy_of(options->ca_file);
    mqtt->certificate_file = copy_of(options->certificate_file);
    mqtt->key_file = copy_of(options->key_file);
    mqtt->psk = copy_of(options->psk);
    mqtt->random = options->seed != 0 ? options->seed : 1;
    mqtt->backoff_ms = BACKOFF_MS_MIN;
    (void)mosquitto_lib_init();
    if (mqtt->client_id == NULL || mqtt->account == NULL || mqtt->password == NULL ||
        mqtt->ca_file == NULL || mqtt->certificate_file == NULL || mqtt->key_file == NULL ||
        mqtt->psk == NULL || inbox_init(&mqtt->inbox, options->inbox_bytes_max) != RC_OK) {
        mqtt_free(mqtt);
        return RC_NO_MEMORY;
    }
    // A broken connection is an error code here, never a signal; the library thinks alike.
    (void)signal(SIGPIPE, SIG_IGN);
    *out_mqtt = mqtt;
    return RC_OK;
}

// What was published has a moment to arrive: destroying the library drops what it still holds.
static void drain(struct mqtt *mqtt) {
    int64_t until = monotonic_ms() + FREE_WAIT_MS;
    while (!mqtt->lost && mqtt->flight_count > 0 && monotonic_ms() < until) {
        struct pollfd entry = {.fd = mosquitto_socket(mqtt->library), .events = POLLIN};
        if (mosquitto_want_write(mqtt->library)) {
            entry.events |= POLLOUT;
        }
        if (poll(&entry, 1, 50) < 0 && errno != EINTR) {
            return;
        }
        inbox_clear(&mqtt->inbox);
        read_ready(mqtt);
        write_ready(mqtt);
    }
    if (!mqtt->lost && mosquitto_disconnect(mqtt->library) == MOSQ_ERR_SUCCESS) {
        (void)mosquitto_loop_write(mqtt->library, IN_FLIGHT_MAX);
    }
}

static void secret_free(char *text) {
    if (text != NULL) {
        explicit_bzero(text, strlen(text));
        free(text);
    }
}

void mqtt_free(struct mqtt *mqtt) {
    if (mqtt == NULL) {
        return;
    }
    if (mqtt->library != NULL) {
        if (mqtt->state == MQTT_CONNECTED) {
            drain(mqtt);
        }
        mosquitto_destroy(mqtt->library);
    }
    (void)mosquitto_lib_cleanup();
    inbox_fini(&mqtt->inbox);
    free(mqtt->client_id);
    free(mqtt->account);
    free(mqtt->ca_file);
    free(mqtt->certificate_file);
    free(mqtt->key_file);
    secret_free(mqtt->password);
    secret_free(mqtt->psk);
    free(mqtt);
}

static void timeout_until(int *inout_timeout_ms, struct mono_ms at, struct mono_ms now) {
    int64_t left = at.v - now.v;
    if (left < 0) {
        left = 0;
    }
    if (*inout_timeout_ms < 0 || left < *inout_timeout_ms) {
        *inout_timeout_ms = (int)left;
    }
}

static bool tls_waits(const struct mqtt *mqtt, struct mono_ms now) {
    return mqtt->state == MQTT_CONNECTING && is_encrypted(mqtt) && now.v < mqtt->write_at.v;
}

bool mqtt_poll(struct mqtt *mqtt, struct pollfd *out_fd, struct mono_ms now,
               int *inout_timeout_ms) {
    if (mqtt->library == NULL) {
        timeout_until(inout_timeout_ms, mqtt->retry_at, now);
        return false;
    }
    timeout_until(inout_timeout_ms, mqtt->misc_at, now);
    int fd = mosquitto_socket(mqtt->library);
    if (fd < 0) {
        return false;
    }
    struct pollfd entry = {.fd = fd};
    if (takes_input(mqtt)) {
        entry.events |= POLLIN;
    }
    if (mosquitto_want_write(mqtt->library)) {
        // While TLS is made the library wants to write all the time, and poll would never wait.
        if (tls_waits(mqtt, now)) {
            timeout_until(inout_timeout_ms, mqtt->write_at, now);
        } else {
            entry.events |= POLLOUT;
        }
    }
    *out_fd = entry;
    return true;
}

void mqtt_step(struct mqtt *mqtt, const struct pollfd *fd, struct mono_ms now) {
    // What an earlier call of OpenSSL left behind, the library would take for its own error.
    ERR_clear_error();
    if (mqtt->library == NULL) {
        if (now.v >= mqtt->retry_at.v) {
            (void)machine_slept(mqtt, now);
            connection_start(mqtt, now);
        }
        return;
    }
    short ready = fd == NULL ? 0 : fd->revents;
    if ((ready & (POLLIN | POLLHUP | POLLERR)) != 0) {
        read_ready(mqtt);
    }
    if (mqtt->greeted && !mqtt->lost) {
        connection_subscribe(mqtt);
    }
    if (!mqtt->lost && mosquitto_want_write(mqtt->library) && !tls_waits(mqtt, now)) {
        mqtt->write_at.v = now.v + TLS_ROUND_MS;
        write_ready(mqtt);
    }
    if (mqtt->state == MQTT_SUBSCRIBING && mqtt->subscriptions_open == 0 && !mqtt->lost) {
        connection_ready(mqtt, now);
    }
    if (now.v >= mqtt->misc_at.v && !mqtt->lost) {
        once_a_second(mqtt, now);
    }
    if (mqtt->lost) {
        connection_drop(mqtt, now);
    }
}

bool mqtt_connected(const struct mqtt *mqtt) {
    return mqtt->state == MQTT_CONNECTED;
}

bool mqtt_link_changed(struct mqtt *mqtt) {
    bool changed = mqtt->reported != mqtt_connected(mqtt);
    mqtt->reported = mqtt_connected(mqtt);
    return changed;
}

enum rc mqtt_publish(struct mqtt *mqtt, const char *topic, struct slice payload, uint8_t qos) {
    if (mqtt->state != MQTT_CONNECTED || mqtt->lost) {
        return RC_OFFLINE;
    }
    size_t bytes = payload.len + strlen(topic);
    bool first = mqtt->flight_count == 0;
    if (mqtt->flight_count == IN_FLIGHT_MAX ||
        (!first && mqtt->out_bytes + bytes > mqtt->options.out_bytes_max)) {
        return RC_FULL;
    }
    if (qos > 1 || payload.len > INT32_MAX) {
        return RC_INVALID;
    }
    mqtt->early_id = 0;
    int message_id = 0;
    int code = mosquitto_publish(mqtt->library, &message_id, topic, (int)payload.len, payload.data,
                                 qos, false);
    if (code == MOSQ_ERR_INVAL || code == MOSQ_ERR_MALFORMED_UTF8 ||
        code == MOSQ_ERR_PAYLOAD_SIZE) {
        return RC_INVALID;
    }
    if (code != MOSQ_ERR_SUCCESS) {
        mqtt->lost = true; // the next step drops the connection and what the library has queued
        return RC_OFFLINE;
    }
    if (mqtt->early_id != message_id) {
        mqtt->flights[mqtt->flight_count++] =
            (struct in_flight){.message_id = message_id, .bytes = (uint32_t)bytes};
        mqtt->out_bytes += bytes;
    }
    return RC_OK;
}

bool mqtt_next(struct mqtt *mqtt, struct mqtt_message *out_message) {
    struct inbox_item item;
    if (!inbox_next(&mqtt->inbox, &item)) {
        return false;
    }
    *out_message = (struct mqtt_message){
        .topic = item.topic, .payload = item.payload, .retained = item.retained};
    return true;
}

void mqtt_reconnect(struct mqtt *mqtt) {
    if (mqtt->library != NULL) {
        mqtt->lost = true;
        mqtt->backoff_ms = BACKOFF_MS_MIN;
    }
}

const char *mqtt_trouble(const struct mqtt *mqtt) {
    return mqtt->trouble;
}
