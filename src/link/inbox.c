#include "link/inbox_priv.h"

#include "davy/base/ensure.h"

#include <stdlib.h>
#include <string.h>

// Before each item's topic (with its NUL) and payload.
struct item_head {
    uint32_t item_bytes; // with this head, rounded up
    uint32_t payload_bytes;
    uint32_t topic_bytes; // with the NUL
    uint32_t retained;
};
#define ITEM_ALIGN sizeof(struct item_head)

enum rc inbox_init(struct inbox *inbox, size_t bytes_max) {
    size_t half = bytes_max / 2 / ITEM_ALIGN * ITEM_ALIGN;
    *inbox = (struct inbox){.size = 4 * half, .item_max = half, .end = 4 * half};
    // The pages of memory that is not used yet cost nothing.
    inbox->bytes = malloc(inbox->size > 0 ? inbox->size : 1);
    return inbox->bytes == NULL ? RC_NO_MEMORY : RC_OK;
}

void inbox_fini(struct inbox *inbox) {
    free(inbox->bytes);
    *inbox = (struct inbox){0};
}

void inbox_clear(struct inbox *inbox) {
    inbox->head = inbox->tail = inbox->used = inbox->count = inbox->handed = 0;
    inbox->end = inbox->size;
}

// Where an item of that many bytes can stand in one piece; size if nowhere.
static size_t place_for(struct inbox *inbox, size_t bytes) {
    bool wrapped = inbox->end != inbox->size || inbox->tail < inbox->head;
    if (wrapped) {
        return inbox->head - inbox->tail > bytes ? inbox->tail : inbox->size;
    }
    if (inbox->size - inbox->tail >= bytes) {
        return inbox->tail;
    }
    if (inbox->head > bytes) {
        inbox->end = inbox->tail;
        return 0;
    }
    return inbox->size;
}

enum rc inbox_put(struct inbox *inbox, const char *topic, struct slice payload, bool retained) {
    size_t topic_bytes = strlen(topic) + 1;
    if (payload.len > inbox->item_max || topic_bytes > inbox->item_max) {
        return RC_TOO_LARGE;
    }
    size_t bytes = sizeof(struct item_head) + topic_bytes + payload.len;
    bytes = (bytes + ITEM_ALIGN - 1) / ITEM_ALIGN * ITEM_ALIGN;
    if (bytes > inbox->item_max) {
        return RC_TOO_LARGE;
    }
    size_t at = place_for(inbox, bytes);
    if (at == inbox->size) {
        return RC_FULL;
    }
    struct item_head head = {.item_bytes = (uint32_t)bytes,
                             .payload_bytes = (uint32_t)payload.len,
                             .topic_bytes = (uint32_t)topic_bytes,
                             .retained = retained};
    uint8_t *to = inbox->bytes + at;
    memcpy(to, &head, sizeof(head));
    memcpy(to + sizeof(head), topic, topic_bytes);
    if (payload.len > 0) {
        memcpy(to + sizeof(head) + topic_bytes, payload.data, payload.len);
    }
    inbox->tail = at + bytes;
    inbox->used += bytes;
    inbox->count++;
    return RC_OK;
}

// Gives back the room of the item that was handed out last.
static void release(struct inbox *inbox) {
    inbox->head += inbox->handed;
    inbox->used -= inbox->handed;
    inbox->handed = 0;
    if (inbox->count == 0) {
        inbox_clear(inbox);
    } else if (inbox->head == inbox->end) {
        inbox->head = 0;
        inbox->end = inbox->size;
    }
}

bool inbox_next(struct inbox *inbox, struct inbox_item *out_item) {
    release(inbox);
    if (inbox->count == 0) {
        return false;
    }
    struct item_head head;
    const uint8_t *from = inbox->bytes + inbox->head;
    memcpy(&head, from, sizeof(head));
    ENSURE(head.item_bytes <= inbox->used);
    out_item->topic = (const char *)(from + sizeof(head));
    out_item->payload = slice_of(from + sizeof(head) + head.topic_bytes, head.payload_bytes);
    out_item->retained = head.retained != 0;
    inbox->handed = head.item_bytes;
    inbox->count--;
    return true;
}
