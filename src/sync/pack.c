#include "davy/sync/pack.h"

#include "davy/base/ensure.h"
#include "sync_priv.h"

#include <string.h>

// Collects entries for a FEED up to the last seal that fits.
struct feed_pack {
    const struct log_packer *packer;
    struct author_id hub;
    struct feed feed;
    uint32_t count; // items, seals of authors included
    // The end of the last whole sealed group.
    size_t cut_len;
    uint32_t cut_count;
    uint64_t cut_seq;
    struct signature cut_seal;
    uint64_t next_seal_seq;
    struct signature next_seal;
    // Author chains of the current group: first and last admitted seq.
    struct {
        struct chain_id chain;
        uint64_t first, last;
    } authors[96];
    uint32_t author_count;
};

static void pack_note_author(struct feed_pack *pack, const struct place *place) {
    for (uint32_t i = 0; i < pack->author_count; i++) {
        if (chain_id_equal(pack->authors[i].chain, place->chain)) {
            uint64_t first = pack->authors[i].first;
            uint64_t last = pack->authors[i].last;
            pack->authors[i].first = place->seq < first ? place->seq : first;
            pack->authors[i].last = place->seq > last ? place->seq : last;
            return;
        }
    }
    if (pack->author_count < COUNT_OF(pack->authors)) {
        pack->authors[pack->author_count].chain = place->chain;
        pack->authors[pack->author_count].first = place->seq;
        pack->authors[pack->author_count++].last = place->seq;
    }
}

// The seals of authors whose batches end in this group.
static void pack_author_seals(struct feed_pack *pack) {
    struct store *store = pack->packer->store;
    for (uint32_t i = 0; i < pack->author_count; i++) {
        struct feed_item item = {.type = FEED_AUTHOR_SEAL, .has_sig = true};
        item.sealed.chain = pack->authors[i].chain;
        uint64_t from = pack->authors[i].first;
        while (from <= pack->authors[i].last) {
            struct signature sig;
            uint64_t at = 0;
            if (store_seal_get(store, item.sealed.chain, from, &at, &sig) != RC_OK ||
                at > pack->authors[i].last) {
                break;
            }
            item.sealed.seq = at;
            item.sig = sig;
            from = at + 1;
        }
        if (item.sealed.seq > 0 && feed_put_item(pack->packer->items, &item) == RC_OK) {
            pack->count++;
        }
    }
    pack->author_count = 0;
}

static enum rc pack_admit(struct feed_pack *pack, const struct store_entry *entry) {
    const struct log_packer *packer = pack->packer;
    struct admit admit;
    enum rc rc = admit_decode(entry->bytes, &admit);
    if (rc != RC_OK) {
        return rc;
    }
    struct feed_item item = {.type = FEED_ADMIT_HELD, .admit = entry->bytes};
    if (!author_equal(admit.place.chain.author, packer->reader) &&
        !author_equal(admit.place.chain.author, pack->hub)) {
        item.type = FEED_ADMIT;
        buf_reset(packer->record);
        rc = store_entry_get(packer->store, &admit.place, packer->record, &item.has_sig, &item.sig);
        if (rc != RC_OK) {
            return rc;
        }
        item.content = buf_slice(packer->record);
        pack_note_author(pack, &admit.place);
    }
    return feed_put_item(packer->items, &item);
}

static enum rc pack_entry(void *ctx, const struct store_entry *entry) {
    struct feed_pack *pack = ctx;
    const struct log_packer *packer = pack->packer;
    if (pack->cut_count > 0 && packer->items->len > SYNC_GROUP_BYTES) {
        return RC_FULL;
    }
    enum rc rc;
    if (entry->type == ENTRY_ADMIT) {
        rc = pack_admit(pack, entry);
    } else {
        struct feed_item item = {
            .type = FEED_OWN, .content = entry->bytes, .has_sig = entry->sig != NULL};
        if (entry->sig) {
            item.sig = *entry->sig;
        }
        rc = feed_put_item(packer->items, &item);
    }
    if (rc != RC_OK) {
        return rc;
    }
    pack->count++;
    if (entry->place.seq != pack->next_seal_seq) {
        return RC_OK;
    }
    pack_author_seals(pack);
    if (pack->cut_count > 0 && packer->items->len > SYNC_GROUP_BYTES) {
        return RC_FULL;
    }
    pack->cut_len = packer->items->len;
    pack->cut_count = pack->count;
    pack->cut_seq = entry->place.seq;
    pack->cut_seal = pack->next_seal;
    rc = store_seal_get(packer->store, entry->place.chain, entry->place.seq + 1,
                        &pack->next_seal_seq, &pack->next_seal);
    return rc == RC_OK ? RC_OK : RC_FULL;
}

enum rc log_pack(const struct log_packer *packer, const struct store_chain *chain, uint64_t from,
                 struct buf *out_body, uint64_t *out_last) {
    struct feed_pack pack = {.packer = packer, .hub = chain->id.author};
    struct hash32 before;
    enum rc rc = store_chain_hash(packer->store, chain->id, from - 1, &before);
    if (rc == RC_OK) {
        rc = store_seal_get(packer->store, chain->id, from, &pack.next_seal_seq, &pack.next_seal);
    }
    if (rc != RC_OK) {
        return rc;
    }
    buf_reset(packer->items);
    rc = store_entries(packer->store, chain->id, from, pack_entry, &pack);
    if (rc != RC_OK) {
        return rc;
    }
    if (pack.cut_count == 0) {
        return RC_NOT_FOUND;
    }
    struct feed *feed = &pack.feed;
    feed->hub = chain->id.author;
    feed->lane = chain->id.lane;
    feed->audience = chain->id.audience;
    feed->first_seq = from;
    memcpy(feed->before, before.b, SEEN_HASH_BYTES);
    feed->count = pack.cut_count;
    feed->last_seq = pack.cut_seq;
    feed->head_seq = chain->sealed.seq;
    feed->seal = pack.cut_seal;
    feed->items = slice_of(packer->items->data, pack.cut_len);
    buf_reset(out_body);
    rc = feed_encode(feed, out_body);
    if (rc == RC_OK) {
        *out_last = feed->last_seq;
    }
    return rc;
}
