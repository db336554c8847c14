#include "hub_session_priv.h"

#include "davy/base/ensure.h"

#include <stdlib.h>
#include <string.h>

// ---- The log ----

static enum rc seal_chain(struct sync_hub *hub, uint8_t index) {
    struct store_chain chain;
    struct chain_id id = chain_of(hub->author, index);
    enum rc rc = store_chain_get(hub->options.store, id, &chain);
    if (rc != RC_OK || chain.sealed.seq == chain.head.seq) {
        return rc;
    }
    struct signature seal;
    seal_sign(store_site(hub->options.store), id, &chain.head, hub->options.device, &seal);
    rc = store_seal_put(hub->options.store, id, chain.head.seq, &seal);
    if (rc == RC_OK) {
        hub->ungrouped[index] = 0;
    }
    return rc;
}

// Seals before an entry that would make the group larger than one message.
static enum rc make_room(struct sync_hub *hub, uint8_t index, size_t bytes) {
    if (hub->ungrouped[index] > 0 && hub->ungrouped[index] + bytes > SYNC_GROUP_BYTES) {
        return seal_chain(hub, index);
    }
    return RC_OK;
}

enum rc hub_append_admit(struct sync_hub *hub, struct admit *admit, struct moment now) {
    struct store *store = hub->options.store;
    struct store_chain roster;
    struct chain_id control = {.author = hub->author};
    enum rc rc = store_chain_get(store, control, &roster);
    if (rc != RC_OK) {
        return rc;
    }
    admit->hub_time = now.utc;
    admit->roster_version = roster.head.seq;
    admit->n = store_log_last_n(store, hub->author) + 1;
    struct store_log log = {.hub = hub->author,
                            .n = admit->n,
                            .place = admit->place,
                            .verdict = admit->verdict,
                            .rule = admit->rule,
                            .hub_time = now.utc,
                            .roster_version = admit->roster_version};
    log.admit_place.chain =
        chain_of(hub->author, chain_index(admit->place.chain.lane, admit->place.chain.audience));
    rc = store_append_admit(store, log.admit_place.chain, admit, &log.admit_place.seq);
    if (rc != RC_OK) {
        return rc;
    }
    hub->held_dirty = true;
    hub->status.admitted += log.verdict == VERDICT_ACCEPTED;
    hub->status.refused += log.verdict == VERDICT_REFUSED;
    return store_log_put(store, &log);
}

enum rc hub_append_verdict(struct sync_hub *hub, struct admit *admit, struct moment now) {
    uint8_t index = chain_index(admit->place.chain.lane, admit->place.chain.audience);
    enum rc rc = make_room(hub, index, ADMIT_BYTES);
    hub->ungrouped[index] += ADMIT_BYTES;
    return rc == RC_OK ? hub_append_admit(hub, admit, now) : rc;
}

enum rc sync_hub_append(struct sync_hub *hub, uint8_t lane, uint8_t audience,
                        const struct signed_record *record, struct moment now, uint64_t *out_n) {
    if (hub->phase != HUB_SERVING) {
        return RC_BUSY;
    }
    uint8_t index = chain_index(lane, audience);
    size_t bytes = record->content.len + SIGNATURE_BYTES + ADMIT_BYTES;
    enum rc rc = make_room(hub, index, bytes);
    if (rc != RC_OK) {
        return rc;
    }
    struct admit admit = {.verdict = VERDICT_ACCEPTED};
    admit.place.chain = chain_of(hub->author, index);
    bool first = true;
    rc = store_append_record(hub->options.store, admit.place.chain, record, &admit.place.seq,
                             &first);
    if (rc != RC_OK) {
        return rc;
    }
    if (!first) {
        admit.verdict = VERDICT_REPEAT;
    }
    hub->ungrouped[index] += (uint32_t)bytes;
    rc = hub_append_admit(hub, &admit, now);
    if (rc == RC_OK && out_n) {
        *out_n = admit.n;
    }
    return rc;
}

enum rc hub_append_judged(struct sync_hub *hub, uint8_t lane, uint8_t audience,
                          const struct signed_record *record, struct moment now) {
    struct chain_id id = chain_of(hub->author, chain_index(lane, audience));
    struct store_chain chain;
    struct content content;
    struct signed_record again = *record;
    enum rc rc = store_chain_get(hub->options.store, id, &chain);
    if (rc == RC_OK) {
        rc = content_decode(record->content, &content);
    }
    struct place place = {.chain = id, .seq = chain.head.seq + 1};
    return rc == RC_OK ? hub_admit_record(hub, &place, &content, &again, now) : rc;
}

enum rc sync_hub_seal(struct sync_hub *hub, struct moment now) {
    (void)now;
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX; i++) {
        if (hub->ungrouped[i] > 0) {
            enum rc rc = seal_chain(hub, i);
            if (rc != RC_OK) {
                return rc;
            }
        }
    }
    return RC_OK;
}

// ---- Admission ----

// What a device's new incarnation continues is looked up when its later acts are judged.
static enum rc note_opening(struct sync_hub *hub, const struct place *place,
                            const struct content *content, enum verdict verdict) {
    struct incarnation opening;
    if (verdict != VERDICT_ACCEPTED || !incarnation_read(content, place->chain.author, &opening) ||
        id16_is_zero(opening.before.previous.id)) {
        return RC_OK;
    }
    enum rc rc = store_opening_put(hub->options.store, place->chain.author, &opening.before);
    return rc == RC_EXISTS ? RC_OK : rc;
}

// What is no copy of its rid is kept, and nothing finds it by the rid.
static enum rc append_place(struct sync_hub *hub, const struct place *place,
                            const struct signed_record *record, const struct admit *admit) {
    uint64_t seq = 0;
    bool first = true;
    bool stray =
        store_is_stray(admit->verdict, admit->rule) && !MUTANT(&hub->options, foreign_copy);
    enum rc rc = stray
                     ? store_append_stray(hub->options.store, place->chain, record, &seq)
                     : store_append_record(hub->options.store, place->chain, record, &seq, &first);
    ENSURE(rc != RC_OK || seq == place->seq);
    return rc;
}

enum rc hub_admit_record(struct sync_hub *hub, const struct place *place,
                         const struct content *content, struct signed_record *record,
                         struct moment now) {
    struct admit admit = {.place = *place};
    record->rid = content_rid(record->content);
    struct place known;
    bool repeat = store_record_place(hub->options.store, record->rid, &known) == RC_OK &&
                  !MUTANT(&hub->options, rid_unchecked);
    admit.verdict =
        hub->options.judge(hub->options.ctx, content, place, record, repeat, &admit.rule);
    if (MUTANT(&hub->options, clock_judged) && content->time.v > now.utc.v) {
        admit.verdict = VERDICT_REFUSED;
    }
    if (MUTANT(&hub->options, held_accepted) && admit.verdict == VERDICT_HELD) {
        admit.verdict = VERDICT_ACCEPTED;
        admit.rule = 0;
    }
    enum rc rc = append_place(hub, place, record, &admit);
    if (rc == RC_OK) {
        rc = note_opening(hub, place, content, admit.verdict);
    }
    if (rc != RC_OK) {
        return rc;
    }
    uint8_t index = chain_index(place->chain.lane, place->chain.audience);
    size_t bytes = record->content.len + 2 * SIGNATURE_BYTES + ADMIT_BYTES;
    rc = make_room(hub, index, bytes);
    if (rc == RC_OK) {
        hub->ungrouped[index] += (uint32_t)bytes;
        rc = hub_append_admit(hub, &admit, now);
    }
    return rc;
}

// What a batch says about a chain, before anything is stored.
enum batch_fit {
    BATCH_FITS,
    BATCH_KNOWN,
    BATCH_FORKS,
    BATCH_BAD_SEAL,
    BATCH_BAD_FORM,
    BATCH_STORE
};

struct batch_look {
    enum rc rc;
    struct chain_head head; // of a fork: the batch's own, if its seal stands there
};

static enum batch_fit batch_examine(struct sync_hub *hub, struct session *session,
                                    const struct batch *batch, const struct store_chain *chain,
                                    struct batch_look *look) {
    struct store *store = hub->options.store;
    struct chain_head head = {.seq = batch->first_seq - 1};
    look->rc = store_chain_hash(store, chain->id, head.seq, &head.hash);
    if (look->rc != RC_OK) {
        return BATCH_STORE;
    }
    struct chain_head at_mine = head;
    bool same = memcmp(head.hash.b, batch->before, SEEN_HASH_BYTES) == 0;
    bool overlap_same = head.seq != chain->head.seq || same;
    struct reader items = reader_of(batch->items);
    for (uint32_t i = 0; i < batch->count; i++) {
        struct batch_item item;
        struct content content;
        if (batch_next(&items, &item) != RC_OK || content_decode(item.content, &content) != RC_OK) {
            return BATCH_BAD_FORM;
        }
        // The genesis names no site, because it is the site; nothing else may leave it out.
        struct id16 site =
            id16_is_zero(content.site.id) ? content_rid(item.content).id : content.site.id;
        if (!id16_equal(site, store_site(store).id)) {
            return BATCH_BAD_FORM;
        }
        chain_add_record(&head, item.content, item.has_sig ? &item.sig : NULL);
        if (head.seq == chain->head.seq) {
            at_mine = head;
            overlap_same = hash32_equal(&head.hash, &chain->head.hash);
        }
    }
    if (!same || !seal_verify(hub->options.scheme, store_site(store), chain->id, &head,
                              &session->device_key, &batch->seal)) {
        return BATCH_BAD_SEAL; // computed on my hash: a fork's seal cannot verify here
    }
    if (head.seq <= chain->head.seq) {
        struct hash32 mine;
        look->rc = store_chain_hash(store, chain->id, head.seq, &mine);
        if (look->rc != RC_OK) {
            return BATCH_STORE;
        }
        look->head = head;
        return hash32_equal(&mine, &head.hash) ? BATCH_KNOWN : BATCH_FORKS;
    }
    look->head = at_mine;
    return overlap_same ? BATCH_FITS : BATCH_FORKS;
}

#define FORESEEN_MAX 96 // records of a batch; the rest are verified one by one

static void batch_foresee(struct sync_hub *hub, const struct batch *batch, uint64_t after_seq) {
    struct signed_record records[FORESEEN_MAX];
    struct reader items = reader_of(batch->items);
    uint32_t count = 0;
    for (uint32_t i = 0; i < batch->count && count < FORESEEN_MAX; i++) {
        struct batch_item item;
        if (batch_next(&items, &item) != RC_OK) {
            break;
        }
        if (item.has_sig && batch->first_seq + i > after_seq) {
            records[count++] =
                (struct signed_record){.content = item.content, .has_sig = true, .sig = item.sig};
        }
    }
    if (count > 0) {
        hub->options.foresee(hub->options.ctx, records, count);
    }
}

static enum rc batch_admit(struct sync_hub *hub, const struct batch *batch,
                           const struct store_chain *chain, struct moment now) {
    struct reader items = reader_of(batch->items);
    struct place place = {.chain = chain->id};
    for (uint32_t i = 0; i < batch->count; i++) {
        struct batch_item item;
        struct content content;
        enum rc rc = batch_next(&items, &item);
        if (rc == RC_OK) {
            rc = content_decode(item.content, &content);
        }
        if (rc != RC_OK) {
            return rc;
        }
        place.seq = batch->first_seq + i;
        if (place.seq <= chain->head.seq) {
            continue;
        }
        struct signed_record record = {
            .content = item.content, .has_sig = item.has_sig, .sig = item.sig};
        if (MUTANT(&hub->options, wrong_bytes)) {
            record.sig.b[0] ^= 1;
        }
        rc = hub_admit_record(hub, &place, &content, &record, now);
        if (rc != RC_OK) {
            return rc;
        }
    }
    return store_seal_put(hub->options.store, chain->id, place.seq, &batch->seal);
}

// Once for each incarnation: a device can make as many branches as it likes.
enum rc hub_note_fork(struct sync_hub *hub, struct session *session, const struct fork *fork,
                      struct moment now) {
    char key[16 + ID_HEX_BYTES] = "sync.fork.";
    struct buf known;
    buf_init(&known, 16);
    id16_hex(fork->chain.author.id, key + strlen(key));
    enum rc rc = store_meta_get(hub->options.store, key, &known);
    buf_fini(&known);
    if (rc != RC_NOT_FOUND || !hub->options.forked || hub->phase != HUB_SERVING) {
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    rc = hub->options.forked(hub->options.ctx, session->device, fork, now);
    return rc == RC_OK ? store_meta_set(hub->options.store, key, slice_text("1")) : rc;
}

enum rc session_on_fork(struct sync_hub *hub, struct session *session, const struct frame *frame,
                        struct moment now) {
    struct fork fork;
    struct store_author author;
    struct hash32 mine;
    if (fork_decode(frame->body, &fork) != RC_OK) {
        hub->status.not_verified++;
        return RC_OK;
    }
    struct chain_head head = {.seq = fork.seq, .hash = fork.hash};
    bool proven = store_author_get(hub->options.store, fork.chain.author, &author) == RC_OK &&
                  memcmp(author.device_key.b, session->device_key.b, PUBLIC_KEY_BYTES) == 0 &&
                  seal_verify(hub->options.scheme, store_site(hub->options.store), fork.chain,
                              &head, &author.device_key, &fork.seal);
    enum rc rc = RC_OK;
    if (!proven) {
        hub->status.not_verified++;
    } else if (store_chain_hash(hub->options.store, fork.chain, fork.seq, &mine) == RC_OK &&
               !hash32_equal(&mine, &fork.hash)) {
        hub->status.forks++;
        rc = hub_note_fork(hub, session, &fork, now);
    }
    // The device need not say it again.
    buf_reset(&hub->body);
    buf_put(&hub->body, frame->body.data, frame->body.len);
    if (rc == RC_OK) {
        session_send_keyed(hub, session, FRAME_FORK, LANE_CONTROL);
    }
    return rc;
}

void session_ack_later(struct session *session, uint8_t index, enum ack_reason reason) {
    session->ack_due |= (uint16_t)(1u << index);
    if (reason != ACK_OK || session->ack_reason[index] == ACK_OK) {
        session->ack_reason[index] = (uint8_t)reason;
    }
}

static enum rc batch_take(struct sync_hub *hub, struct session *session, const struct batch *batch,
                          struct moment now) {
    uint8_t index = chain_index(batch->lane, batch->audience);
    struct store_chain chain;
    enum rc rc = store_chain_get(hub->options.store, chain_of(session->author, index), &chain);
    if (rc != RC_OK) {
        return rc;
    }
    static const enum ack_reason reasons[] = {
        [BATCH_FITS] = ACK_OK,       [BATCH_KNOWN] = ACK_OK,      [BATCH_FORKS] = ACK_FORK,
        [BATCH_BAD_SEAL] = ACK_SEAL, [BATCH_BAD_FORM] = ACK_FORM, [BATCH_STORE] = ACK_OK};
    struct batch_look look = {.rc = RC_OK};
    enum batch_fit fit = batch_examine(hub, session, batch, &chain, &look);
    struct fork fork = {
        .chain = chain.id, .seq = look.head.seq, .hash = look.head.hash, .seal = batch->seal};
    bool sealed_there = look.head.seq == batch->first_seq + batch->count - 1;
    rc = look.rc;
    switch (fit) {
    case BATCH_FITS:
        if (hub->options.foresee) {
            batch_foresee(hub, batch, chain.head.seq);
        }
        rc = batch_admit(hub, batch, &chain, now);
        if (hub->options.foresee) {
            hub->options.foresee(hub->options.ctx, NULL, 0);
        }
        break;
    case BATCH_STORE:
        return rc;
    case BATCH_FORKS:
    case BATCH_BAD_SEAL:
    case BATCH_BAD_FORM:
        hub->status.forks += fit == BATCH_FORKS;
        hub->status.not_verified += fit != BATCH_FORKS;
        rc = store_quarantine_put(hub->options.store, session->account,
                                  fit == BATCH_FORKS ? RC_FORK : RC_BAD_SIGNATURE, batch->items,
                                  now.utc);
        if (rc == RC_OK && fit == BATCH_FORKS && sealed_there) {
            rc = hub_note_fork(hub, session, &fork, now);
        }
        break;
    case BATCH_KNOWN:
        break;
    }
    session_ack_later(session, index, reasons[fit]);
    if (MUTANT(&hub->options, ack_before_commit)) {
        session_send_ack(hub, session, index, now);
        sync_hub_flush_outbox(hub);
    }
    return rc;
}

static void batch_wait(struct session *session, const struct batch *batch, struct slice body) {
    uint8_t index = chain_index(batch->lane, batch->audience);
    for (struct waiting_batch *w = session->waiting; w; w = w->next) {
        if (w->chain == index && w->first == batch->first_seq) {
            return;
        }
    }
    if (session->waiting_bytes + body.len > LIMIT_HELD_BYTES) {
        return; // the device sends it again
    }
    struct waiting_batch *waiting = malloc(sizeof *waiting + body.len);
    if (!waiting) {
        return;
    }
    waiting->chain = index;
    waiting->first = batch->first_seq;
    waiting->last = batch->first_seq + batch->count - 1;
    waiting->len = body.len;
    memcpy(waiting->body, body.data, body.len);
    waiting->next = session->waiting;
    session->waiting = waiting;
    session->waiting_bytes += body.len;
}

// Takes the waiting batches that fit now; each pass moves the head or ends.
static enum rc batch_take_waiting(struct sync_hub *hub, struct session *session, uint8_t index,
                                  struct moment now) {
    for (;;) {
        struct store_chain chain;
        enum rc rc = store_chain_get(hub->options.store, chain_of(session->author, index), &chain);
        if (rc != RC_OK) {
            return rc;
        }
        struct waiting_batch **at = &session->waiting;
        while (*at && ((*at)->chain != index || (*at)->first > chain.head.seq + 1)) {
            at = &(*at)->next;
        }
        if (!*at) {
            return RC_OK;
        }
        struct waiting_batch *waiting = *at;
        *at = waiting->next;
        session->waiting_bytes -= waiting->len;
        struct batch batch;
        rc = batch_decode(slice_of(waiting->body, waiting->len), &batch);
        if (rc == RC_OK) {
            rc = batch_take(hub, session, &batch, now);
        }
        free(waiting);
        if (rc != RC_OK) {
            return rc;
        }
    }
}

enum rc session_take_batch(struct sync_hub *hub, struct session *session, const struct frame *frame,
                           struct moment now) {
    struct batch batch;
    if (batch_decode(frame->body, &batch) != RC_OK) {
        hub->status.not_verified++;
        return RC_OK;
    }
    uint8_t index = chain_index(batch.lane, batch.audience);
    if (hub->phase != HUB_SERVING) {
        session_ack_later(session, index, ACK_STARTING);
        return RC_OK;
    }
    struct store_chain chain;
    enum rc rc = store_chain_get(hub->options.store, chain_of(session->author, index), &chain);
    if (rc != RC_OK) {
        return rc;
    }
    if (batch.first_seq > chain.head.seq + 1) {
        batch_wait(session, &batch, frame->body);
        session_ack_later(session, index, ACK_GAP);
        return RC_OK;
    }
    rc = batch_take(hub, session, &batch, now);
    return rc == RC_OK ? batch_take_waiting(hub, session, index, now) : rc;
}
