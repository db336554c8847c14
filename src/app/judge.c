#include "davy/app/judge.h"

#include <stdlib.h>
#include <string.h>

static enum verdict refuse(struct refusal *out_refusal, enum refusal_code code, const char *what) {
    (void)REFUSE(out_refusal, code, what);
    return VERDICT_REFUSED;
}

bool judge_key_of(const struct roster *roster, const struct content *content,
                  struct public_key *out_key) {
    if (content->kind == KIND_SITE_GENESIS) {
        struct body_reader reader = body_read(content->body);
        struct field_value value;
        while (body_next(&reader, &value)) {
            struct public_key root;
            if (value.tag != GENESIS_ROOT_KEY || value.bytes.len != PUBLIC_KEY_BYTES) {
                continue;
            }
            memcpy(root.b, value.bytes.data, PUBLIC_KEY_BYTES);
            if (id16_equal(key_id_of(&root).id, content->key.id)) {
                *out_key = root;
                return true;
            }
        }
        return false;
    }
    struct roster_key_owner owner;
    if (!roster_key(roster, content->key, &owner)) {
        return false;
    }
    *out_key = owner.key;
    return true;
}

static bool site_ok(const struct judge *judge, const struct content *content, struct rid rid) {
    struct site_id site = store_site(judge->store);
    if (content->kind == KIND_SITE_GENESIS) {
        return id16_is_zero(content->site.id) && id16_equal(rid.id, site.id);
    }
    return id16_equal(content->site.id, site.id);
}

// ---- Revocation ----

static enum rc review_of(struct store *store, struct rid record, enum review_decision *out) {
    struct roster_state *state = calloc(1, sizeof *state);
    if (!state) {
        return RC_NO_MEMORY;
    }
    enum rc rc = store_view_get(store, &roster_module, roster_review_subject(record), false, state);
    bool known = rc == RC_OK && state->what == ROSTER_REVIEW;
    *out = known ? (enum review_decision)state->as.review.decision : REVIEW_NONE;
    free(state);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc judge_disputed(struct store *store, const struct roster *roster,
                       const struct store_item *item, bool *out_disputed,
                       enum review_decision *out_review) {
    bool after = item->logged && item->log.verdict == VERDICT_ACCEPTED &&
                 roster_after_good(roster, &item->content, &item->entry.place) != REFUSAL_NONE;
    enum review_decision review = REVIEW_NONE;
    enum rc rc = after ? review_of(store, item->entry.rid, &review) : RC_OK;
    if (rc == RC_OK) {
        *out_disputed = after;
        *out_review = review;
    }
    return rc;
}

// First of all: does a revocation hold it?
static enum rc judge_revoked(const struct judge *judge, const struct content *content,
                             const struct place *place, struct rid rid, enum verdict *out_verdict,
                             struct refusal *out_refusal) {
    enum refusal_code code = roster_after_good(judge->roster, content, place);
    enum review_decision review = REVIEW_NONE;
    enum rc rc = code == REFUSAL_NONE ? RC_OK : review_of(judge->store, rid, &review);
    *out_verdict = VERDICT_ACCEPTED;
    if (rc != RC_OK || code == REFUSAL_NONE || review == REVIEW_RELEASE) {
        return rc;
    }
    *out_verdict = refuse(out_refusal, review == REVIEW_REJECT ? REFUSAL_REJECTED : code, "");
    if (review == REVIEW_NONE) {
        *out_verdict = VERDICT_HELD;
    }
    return RC_OK;
}

// ---- Effects ----

#define LINEAGE_MAX 64 // incarnations of a device that are looked back over

// Does the record cover everything that its effect demands of a subject's history?
struct cover {
    const struct judge *judge;
    const struct content *content;
    const struct place *place;
    bool allow;
    bool covered;
    bool disputed;
};

// Who had seen a later incarnation of the hub's log had seen what it adopted of the ones before;
// and a device's new incarnation stands behind what it names of the earlier ones.
static bool covers_earlier(const struct cover *cover, const struct store_item *item) {
    struct store *store = cover->judge->store;
    struct author_id author = cover->place->chain.author;
    const struct place *other = &item->entry.place;
    struct store_opening opening;
    uint32_t rank = store_hub_rank(store, item->log.hub);
    if (rank > 0 && rank < store_hub_rank(store, cover->content->seen.hub)) {
        return true;
    }
    struct store_author mine, earlier;
    for (int i = 0; i < LINEAGE_MAX && store_opening_get(store, author, &opening) == RC_OK; i++) {
        bool same_device = store_author_get(store, author, &mine) == RC_OK &&
                           store_author_get(store, opening.previous, &earlier) == RC_OK &&
                           memcmp(mine.device_key.b, earlier.device_key.b, PUBLIC_KEY_BYTES) == 0;
        author = opening.previous;
        if (!same_device || author_equal(author, other->chain.author)) {
            return same_device &&
                   other->seq <=
                       store_opening_head(&opening, other->chain.lane, other->chain.audience).seq;
        }
    }
    return false;
}

static enum rc cover_item(void *ctx, const struct store_item *item) {
    struct cover *cover = ctx;
    bool disputed = false;
    enum review_decision review = REVIEW_NONE;
    enum rc rc =
        judge_disputed(cover->judge->store, cover->judge->roster, item, &disputed, &review);
    if (rc != RC_OK) {
        return rc;
    }
    cover->disputed |= disputed && review == REVIEW_NONE;
    const struct module *module;
    const struct kind *kind = registry_kind(cover->judge->registry, item->content.kind, &module);
    bool counts = item->logged && item->log.verdict == VERDICT_ACCEPTED && kind &&
                  kind->effect != EFFECT_FACT && !(cover->allow && kind->effect == EFFECT_ALLOW);
    if (counts &&
        !content_covers(cover->content, cover->place, &item->entry.place, &item->log.admit_place,
                        item->entry.rid) &&
        !covers_earlier(cover, item)) {
        cover->covered = false;
    }
    return RC_OK;
}

static enum rc effect_holds(const struct judge *judge, const struct kind *kind,
                            const struct content *content, const struct place *place,
                            enum refusal_code *out_code) {
    *out_code = REFUSAL_NONE;
    if (kind->effect == EFFECT_FACT || kind->effect == EFFECT_RESTRICT ||
        (kind->flags & KIND_OPENS)) {
        return RC_OK;
    }
    for (uint16_t i = 0; i < content->subject_count && *out_code == REFUSAL_NONE; i++) {
        struct cover cover = {.judge = judge,
                              .content = content,
                              .place = place,
                              .allow = kind->effect == EFFECT_ALLOW,
                              .covered = true};
        enum rc rc = store_subject_each(judge->store, content->subjects[i], cover_item, &cover);
        if (rc != RC_OK) {
            return rc;
        }
        *out_code = cover.disputed   ? REFUSAL_DISPUTED
                    : !cover.covered ? REFUSAL_NOT_COVERED
                                     : REFUSAL_NONE;
    }
    return RC_OK;
}

// One subject: the right in its area, its existence, the module's own check.
static enum rc judge_subject(const struct judge *judge, const struct module *module,
                             const struct kind *kind, const struct check_input *input,
                             enum verdict *out_verdict, struct refusal *out_refusal) {
    const char *area = NULL;
    struct kind asked = *kind;
    if (!input->state && kind->effect == EFFECT_FACT) {
        asked.flags &= (uint8_t)~KIND_BY_AREA; // held until its area is known: in any area
    } else if ((kind->flags & KIND_BY_AREA) && module->area && input->state) {
        area = module->area(input->state);
    }
    if (!(kind->flags & KIND_SEALED) && input->content->kind != KIND_SITE_GENESIS) {
        enum rc rc = roster_check_right(judge->roster, &asked, input->content, area, out_refusal);
        if (rc != RC_OK) {
            *out_verdict = VERDICT_REFUSED;
            return RC_OK;
        }
    }
    // A hub's fact may speak of a subject that its name defines (site.area, site.tag).
    bool defines = kind->effect == EFFECT_FACT && (kind->flags & (KIND_HUB | KIND_NAMED));
    if (!input->state && !(kind->flags & (KIND_OPENS | KIND_NO_SUBJECT)) && !defines) {
        (void)REFUSE(out_refusal, REFUSAL_SUBJECT_UNKNOWN, kind->name);
        *out_verdict = kind->effect == EFFECT_FACT ? VERDICT_HELD : VERDICT_REFUSED;
        return RC_OK;
    }
    *out_verdict = module->check ? module->check(input, out_refusal) : VERDICT_ACCEPTED;
    if (*out_verdict == VERDICT_ACCEPTED && module == &roster_module) {
        *out_verdict = roster_check_facts(judge->roster, input, out_refusal);
    }
    return RC_OK;
}

// Of an authentic fact about several subjects the unknown ones are flagged: they hold up no others.
static bool is_flagged(const struct kind *kind, uint16_t count, enum verdict verdict,
                       const struct refusal *refusal) {
    return kind->effect == EFFECT_FACT && count > 1 && verdict == VERDICT_HELD &&
           refusal->code == REFUSAL_SUBJECT_UNKNOWN;
}

static enum rc judge_subjects(const struct judge *judge, const struct module *module,
                              const struct kind *kind, const struct check_input *record,
                              enum verdict *out_verdict, struct refusal *out_refusal) {
    uint8_t *state = calloc(1, module->state_bytes);
    if (!state) {
        return RC_NO_MEMORY;
    }
    enum rc rc = RC_OK;
    *out_verdict = VERDICT_ACCEPTED;
    bool none = (kind->flags & KIND_NO_SUBJECT) != 0;
    uint16_t count = none ? 1 : content_subject_count(record->content);
    uint16_t flagged = 0;
    for (uint16_t i = 0; i < count && rc == RC_OK && *out_verdict == VERDICT_ACCEPTED; i++) {
        struct check_input input = *record;
        if (!none) {
            input.subject = content_subject(record->content, record->rid, i);
            rc = store_view_get(judge->store, module, input.subject, false, state);
            input.state = rc == RC_OK ? state : NULL;
            rc = rc == RC_NOT_FOUND ? RC_OK : rc;
        }
        if (rc == RC_OK) {
            rc = judge_subject(judge, module, kind, &input, out_verdict, out_refusal);
        }
        if (rc == RC_OK && is_flagged(kind, count, *out_verdict, out_refusal)) {
            *out_verdict = VERDICT_ACCEPTED;
            flagged++;
        }
    }
    if (rc == RC_OK && flagged == count && *out_verdict == VERDICT_ACCEPTED) {
        *out_verdict = VERDICT_HELD; // nothing of it is known
    }
    free(state);
    return rc;
}

// A claim holds for the very bytes, key and signature that it was made of.
static bool signature_holds(const struct judge *judge, const struct public_key *key,
                            const struct signed_record *record) {
    for (uint32_t i = 0; i < judge->claim_count; i++) {
        const struct keys_claim *claim = &judge->claims[i];
        if (claim->message.data == record->content.data &&
            claim->message.len == record->content.len &&
            memcmp(claim->sig.b, record->sig.b, SIGNATURE_BYTES) == 0 &&
            memcmp(claim->key.b, key->b, PUBLIC_KEY_BYTES) == 0) {
            return claim->good;
        }
    }
    return keys_verify(judge->scheme, key, record->content, &record->sig);
}

// Who signed, with which key, on which device.
static enum verdict judge_signature(const struct judge *judge, const struct kind *kind,
                                    const struct content *content,
                                    const struct signed_record *record,
                                    struct refusal *out_refusal) {
    if (kind->flags & KIND_SEALED) {
        return record->has_sig ? refuse(out_refusal, REFUSAL_FORM, kind->name) : VERDICT_ACCEPTED;
    }
    if (!record->has_sig) {
        return refuse(out_refusal, REFUSAL_NOT_SIGNED, kind->name);
    }
    struct public_key key;
    if (!judge_key_of(judge->roster, content, &key)) {
        return refuse(out_refusal, REFUSAL_KEY_UNKNOWN, kind->name);
    }
    if (judge->check_signature && !signature_holds(judge, &key, record)) {
        return refuse(out_refusal, REFUSAL_SIGNATURE, kind->name);
    }
    return VERDICT_ACCEPTED;
}

// What needs no look at the subjects: form, site, device, signature.
static enum verdict judge_outside(const struct judge *judge, const struct kind *kind,
                                  const struct content *content, const struct place *place,
                                  const struct signed_record *record, struct refusal *out_refusal) {
    if (content_check_form(judge->registry, content, place->chain.lane, out_refusal) != RC_OK) {
        // What only a newer Davy understands is held until one judges it.
        bool newer = out_refusal->code == REFUSAL_KIND_UNKNOWN ||
                     out_refusal->code == REFUSAL_FIELD_CRITICAL;
        return newer ? VERDICT_HELD : VERDICT_REFUSED;
    }
    if ((kind->flags & KIND_OPENS) && content->audience != place->chain.audience) {
        return refuse(out_refusal, REFUSAL_AUDIENCE, kind->name);
    }
    if (!site_ok(judge, content, record->rid)) {
        return refuse(out_refusal, REFUSAL_WRONG_SITE, kind->name);
    }
    // The records of the genesis are older than the hub's own device.
    bool older = judge->author_is_hub && rid_is_zero(content->device);
    if (!older && !rid_equal(content->device, judge->author_device)) {
        return refuse(out_refusal, REFUSAL_DEVICE_MISMATCH, kind->name);
    }
    if ((kind->flags & KIND_HUB) && !judge->author_is_hub) {
        return refuse(out_refusal, REFUSAL_RIGHT_MISSING, kind->name);
    }
    return judge_signature(judge, kind, content, record, out_refusal);
}

// Form, signature, subjects, effect; the record is of a kind that is known.
static enum rc judge_known(const struct judge *judge, const struct content *content,
                           const struct place *place, const struct signed_record *record,
                           enum verdict *out_verdict, struct refusal *out_refusal) {
    const struct module *module = NULL;
    const struct kind *kind = registry_kind(judge->registry, content->kind, &module);
    enum rc rc = RC_OK;
    *out_verdict = judge_outside(judge, kind, content, place, record, out_refusal);
    if (*out_verdict == VERDICT_ACCEPTED) {
        struct check_input input = {.content = content, .rid = record->rid, .now = judge->now};
        rc = judge_subjects(judge, module, kind, &input, out_verdict, out_refusal);
    }
    if (rc == RC_OK && *out_verdict == VERDICT_ACCEPTED && kind->effect == EFFECT_ALLOW &&
        judge->roster_age_ms > LIMIT_ROSTER_AGE_MS) {
        *out_verdict = refuse(out_refusal, REFUSAL_ROSTER_OLD, kind->name);
    }
    if (rc == RC_OK && *out_verdict == VERDICT_ACCEPTED) {
        enum refusal_code code = REFUSAL_NONE;
        rc = effect_holds(judge, kind, content, place, &code);
        if (rc == RC_OK && code != REFUSAL_NONE) {
            *out_verdict = refuse(out_refusal, code, kind->name);
        }
    }
    if (rc == RC_OK && *out_verdict == VERDICT_ACCEPTED &&
        roster_person_is_proposed(judge->roster, content->person)) {
        (void)refuse(out_refusal, REFUSAL_WITNESSED, kind->name);
        *out_verdict = VERDICT_HELD;
    }
    return rc;
}

enum rc judge_record(const struct judge *judge, const struct content *content,
                     const struct place *place, const struct signed_record *record,
                     enum verdict *out_verdict, struct refusal *out_refusal) {
    struct refusal refusal = {0};
    enum verdict verdict = VERDICT_HELD;
    enum rc rc = judge_revoked(judge, content, place, record->rid, &verdict, &refusal);
    if (rc == RC_OK && verdict == VERDICT_ACCEPTED) {
        if (registry_kind(judge->registry, content->kind, NULL)) {
            rc = judge_known(judge, content, place, record, &verdict, &refusal);
        } else {
            (void)REFUSE(&refusal, REFUSAL_KIND_UNKNOWN, "");
            verdict = VERDICT_HELD;
        }
    }
    if (rc != RC_OK) {
        return rc;
    }
    *out_verdict = verdict;
    if (out_refusal) {
        *out_refusal = refusal;
    }
    return RC_OK;
}
