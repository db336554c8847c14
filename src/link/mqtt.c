#include "davy/link/mqtt.h"

#include "davy/base/text.h"
#include "link/inbox_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <mosquitto.h>
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
#define HOST_BYTES 64

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
    char host[HOST_BYTES];
    char *client_id, *account, *password;
    struct mosquitto *library; // NULL while waiting
    enum mqtt_state state;
    bool lost;     // set in a callback; acted upon outside of it
    bool greeted;  // CONNACK taken, subscriptions not asked for yet
    bool reported; // what mqtt_link_changed said last
    uint32_t subscriptions_open;
    uint32_t backoff_ms;
    uint64_t random;
    struct mono_ms retry_at, misc_at, connect_until;
    int64_t sleep_ms; // boot clock minus monotonic clock, as last seen
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

static bool hosts_line(char *line, const char *name, char out_address[static HOST_BYTES]) {
    char *save = NULL;
    line[strcspn(line, "#\n")] = '\0';
    const char *address = strtok_r(line, " \t", &save);
    if (address == NULL || !is_numeric(address) || strlen(address) >= HOST_BYTES) {
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
static bool address_find(const char *host, char out_address[static HOST_BYTES]) {
    const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    if (is_numeric(numeric) && strlen(numeric) < HOST_BYTES) {
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
    if (mqtt->library != NULL) {
        mosquitto_destroy(mqtt->library);
        mqtt->library = NULL;
    }
    mqtt->state = MQTT_WAITING;
    mqtt->lost = false;
    mqtt->greeted = false;
    mqtt->flight_count = 0;
    mqtt->out_bytes = 0;
    uint32_t wait = mqtt->backoff_ms + (uint32_t)(random_next(mqtt) % (mqtt->backoff_ms / 2));
    mqtt->retry_at.v = now.v + wait;
    uint32_t doubled = mqtt->backoff_ms * 2;
    mqtt->backoff_ms = doubled > BACKOFF_MS_MAX ? BACKOFF_MS_MAX : doubled;
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
    bool set =
        mosquitto_int_option(library, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V311) ==
            MOSQ_ERR_SUCCESS &&
        mosquitto_int_option(library, MOSQ_OPT_TCP_NODELAY, 1) == MOSQ_ERR_SUCCESS &&
        mosquitto_max_inflight_messages_set(library, IN_FLIGHT_MAX) == MOSQ_ERR_SUCCESS &&
        mosquitto_username_pw_set(library, mqtt->account, mqtt->password) == MOSQ_ERR_SUCCESS;
    return set ? RC_OK : RC_NO_MEMORY;
}

static void connection_start(struct mqtt *mqtt, struct mono_ms now) {
    char address[HOST_BYTES];
    if (!address_find(mqtt->host, address)) {
        trouble(mqtt, "%s is neither a numeric address nor a name of %s", mqtt->host, HOSTS_PATH);
        connection_drop(mqtt, now);
        return;
    }
    enum rc rc = library_new(mqtt);
    if (rc != RC_OK) {
        trouble(mqtt, "no memory for a connection");
        connection_drop(mqtt, now);
        return;
    }
    mqtt->state = MQTT_CONNECTING;
    mqtt->misc_at.v = now.v + MISC_EVERY_MS;
    mqtt->connect_until.v = now.v + CONNECT_MS_MAX;
    int code = mosquitto_connect_async(mqtt->library, address, mqtt->options.port,
                                       mqtt->options.keepalive_s);
    if (code != MOSQ_ERR_SUCCESS) {
        trouble(mqtt, "cannot connect to %s:%u: %s", mqtt->host, mqtt->options.port,
                code == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(code));
        connection_drop(mqtt, now);
    }
}

static void connection_ready(struct mqtt *mqtt) {
    mqtt->state = MQTT_CONNECTED;
    mqtt->backoff_ms = BACKOFF_MS_MIN;
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
        trouble(mqtt, "the broker at %s:%u does not answer", mqtt->host, mqtt->options.port);
        mqtt->lost = true;
    }
}

// ---- Public ----

static bool options_are_good(const struct mqtt_options *options) {
    return options->host != NULL && strlen(options->host) < HOST_BYTES && options->port > 0 &&
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
    struct mqtt *mqtt = calloc(1, sizeof(*mqtt));
    if (mqtt == NULL) {
        return RC_NO_MEMORY;
    }
    mqtt->options = *options;
    memcpy(mqtt->host, options->host, strlen(options->host) + 1);
    mqtt->client_id = copy_of(options->client_id);
    mqtt->account = copy_of(options->account);
    mqtt->password = copy_of(options->password);
    mqtt->random = options->seed != 0 ? options->seed : 1;
    mqtt->backoff_ms = BACKOFF_MS_MIN;
    (void)mosquitto_lib_init();
    if (mqtt->client_id == NULL || mqtt->account == NULL || mqtt->password == NULL ||
        inbox_init(&mqtt->inbox, options->inbox_bytes_max) != RC_OK) {
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
    if (mqtt->password != NULL) {
        explicit_bzero(mqtt->password, strlen(mqtt->password));
    }
    free(mqtt->password);
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
        entry.events |= POLLOUT;
    }
    *out_fd = entry;
    return true;
}

void mqtt_step(struct mqtt *mqtt, const struct pollfd *fd, struct mono_ms now) {
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
    if (!mqtt->lost && mosquitto_want_write(mqtt->library)) {
        write_ready(mqtt);
    }
    if (mqtt->state == MQTT_SUBSCRIBING && mqtt->subscriptions_open == 0 && !mqtt->lost) {
        connection_ready(mqtt);
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
