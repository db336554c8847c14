// What the last verified backup off this machine holds: for chains that no level above takes it is
// what an acknowledgement calls safe (up_seq). The heads are noted before a backup begins, so that
// its copy, taken later, holds at least as much; they count once the backup is whole.
#include "hub_priv.h"

#include <stdlib.h>
#include <string.h>

#define META_BACKUP "backup.heads"
#define HEADS_BYTES_MAX (2 * 1024 * 1024)
#define BEGIN 0
#define DONE 1

struct hub_head {
    struct chain_id chain;
    uint64_t seq;
};

static int chain_compare(const struct chain_id *a, const struct chain_id *b) {
    int order = id16_compare(a->author.id, b->author.id);
    order = order != 0 ? order : a->lane - b->lane;
    return order != 0 ? order : a->audience - b->audience;
}

static int head_compare(const void *a, const void *b) {
    const struct hub_head *one = a;
    const struct hub_head *other = b;
    return chain_compare(&one->chain, &other->chain);
}

// u64 time of the backup, varint count, each: 16 author, u8 lane, u8 audience, varint seq.
static enum rc heads_read(struct slice bytes, struct hub_backup *out_backup) {
    struct reader in = reader_of(bytes);
    struct hub_backup backup = {.time = {(int64_t)reader_u64(&in)}};
    uint64_t count = reader_varint(&in);
    if (in.rc != RC_OK || count > bytes.len) {
        return RC_INVALID;
    }
    backup.heads = calloc(count + 1, sizeof *backup.heads);
    if (!backup.heads) {
        return RC_NO_MEMORY;
    }
    for (; backup.count < count && in.rc == RC_OK; backup.count++) {
        struct hub_head *head = &backup.heads[backup.count];
        reader_copy(&in, head->chain.author.id.b, ID_BYTES);
        head->chain.lane = reader_u8(&in);
        head->chain.audience = reader_u8(&in);
        head->seq = reader_varint(&in);
    }
    enum rc rc = reader_done(&in);
    if (rc != RC_OK) {
        free(backup.heads);
        return rc;
    }
    qsort(backup.heads, backup.count, sizeof *backup.heads, head_compare);
    free(out_backup->heads);
    *out_backup = backup;
    return RC_OK;
}

void hub_backup_close(struct hub *hub) {
    free(hub->backup.heads);
    hub->backup.heads = NULL;
    buf_fini(&hub->backup_next);
}

enum rc hub_backup_load(struct hub *hub) {
    struct buf value;
    buf_init(&value, HEADS_BYTES_MAX);
    buf_init(&hub->backup_next, HEADS_BYTES_MAX);
    enum rc rc = store_meta_get(hub->store, META_BACKUP, &value);
    if (rc == RC_OK) {
        rc = heads_read(buf_slice(&value), &hub->backup);
    } else if (rc == RC_NOT_FOUND) {
        rc = RC_OK; // none was made yet
    }
    buf_fini(&value);
    return rc;
}

uint64_t hub_backup_seq(void *ctx, struct chain_id chain) {
    struct hub *hub = ctx;
    struct hub_head wanted = {.chain = chain};
    const struct hub_head *found =
        hub->backup.count == 0
            ? NULL
            : bsearch(&wanted, hub->backup.heads, hub->backup.count, sizeof wanted, head_compare);
    return found ? found->seq : 0;
}

struct heads_put {
    struct buf *out;
    uint64_t count;
};

static enum rc put_head(void *ctx, const struct store_chain *chain) {
    struct heads_put *put = ctx;
    if (chain->sealed.seq > 0) {
        buf_put(put->out, chain->id.author.id.b, ID_BYTES);
        buf_put_u8(put->out, chain->id.lane);
        buf_put_u8(put->out, chain->id.audience);
        buf_put_varint(put->out, chain->sealed.seq);
        put->count++;
    }
    return buf_rc(put->out);
}

static enum rc begin(struct hub *hub, struct buf *out) {
    struct buf heads;
    buf_init(&heads, HEADS_BYTES_MAX);
    struct heads_put put = {.out = &heads};
    enum rc rc = store_chains(hub->store, put_head, &put);
    if (rc == RC_OK) {
        hub_random(hub, hub->backup_token, sizeof hub->backup_token);
        buf_reset(&hub->backup_next);
        buf_put_u64(&hub->backup_next, (uint64_t)hub->now.utc.v);
        buf_put_varint(&hub->backup_next, put.count);
        buf_put(&hub->backup_next, heads.data, heads.len);
        buf_put(out, hub->backup_token, sizeof hub->backup_token);
        rc = buf_rc(&hub->backup_next);
    }
    buf_fini(&heads);
    return rc == RC_OK ? buf_rc(out) : rc;
}

static enum rc done(struct hub *hub, const uint8_t token[HUB_BACKUP_TOKEN_BYTES]) {
    if (hub->backup_next.len == 0 ||
        memcmp(token, hub->backup_token, HUB_BACKUP_TOKEN_BYTES) != 0) {
        return RC_STALE; // davyd was started anew, or another backup began meanwhile
    }
    enum rc rc = store_begin(hub->store);
    if (rc == RC_OK) {
        rc = store_meta_set(hub->store, META_BACKUP, buf_slice(&hub->backup_next));
        rc = rc == RC_OK ? store_commit(hub->store) : rc;
        if (rc != RC_OK) {
            store_rollback(hub->store);
        }
    }
    if (rc == RC_OK) {
        rc = heads_read(buf_slice(&hub->backup_next), &hub->backup);
    }
    buf_reset(&hub->backup_next);
    return rc;
}

enum rc hub_backup_control(struct hub *hub, struct slice payload, struct buf *out,
                           struct refusal *refusal) {
    uint8_t token[HUB_BACKUP_TOKEN_BYTES];
    struct reader in = reader_of(payload);
    uint8_t step = reader_u8(&in);
    if (step == BEGIN && reader_done(&in) == RC_OK) {
        return begin(hub, out);
    }
    reader_copy(&in, token, sizeof token);
    if (step != DONE || reader_done(&in) != RC_OK) {
        return REFUSE(refusal, REFUSAL_FORM, "backup");
    }
    return done(hub, token);
}
