#include "davy/app/say.h"

#include "davy/base/ensure.h"
#include "davy/base/text.h"
#include "davy/domain/carry/carry.h"
#include "davy/domain/remark/remark.h"
#include "davy/domain/segment/segment.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef DAVY_LOCALE_DIR
#define DAVY_LOCALE_DIR "/usr/share/locale"
#endif
#define DOMAIN "davy"

static const struct {
    enum refusal_code code;
    const char *sentence; // %1$s to %4$s: the arguments
    const char *rule;     // for tables
} refusals[] = {
    {REFUSAL_NONE, N_("Nothing was refused."), N_("no rule")},
    {REFUSAL_FORM, N_("%1$s is malformed; nothing was taken."), N_("malformed")},
    {REFUSAL_FIELD_MISSING, N_("%1$s: the field %2$s is missing; fill it in."),
     N_("field missing")},
    {REFUSAL_FIELD_RANGE, N_("%1$s: %2$s is out of range (limit %3$s); correct it."),
     N_("out of range")},
    {REFUSAL_FIELD_TEXT,
     N_("%1$s: %2$s holds characters that are not allowed, is empty or too long; write it anew."),
     N_("bad text")},
    {REFUSAL_KIND_UNKNOWN, N_("This Davy does not know that kind of record; update it."),
     N_("kind unknown")},
    {REFUSAL_FIELD_CRITICAL, N_("The record needs a newer Davy; update it."), N_("needs newer")},
    {REFUSAL_TOO_LARGE, N_("Too much at once (%1$s); do it in smaller parts."), N_("too large")},
    {REFUSAL_SIGNATURE,
     N_("%1$s: the signature does not verify; nothing was taken. Sign it again."),
     N_("bad signature")},
    {REFUSAL_WRONG_SITE, N_("%1$s: this belongs to another site; nothing was taken."),
     N_("other site")},
    {REFUSAL_DEVICE_UNKNOWN, N_("The device is not enrolled here; ask an admin to invite it."),
     N_("device unknown")},
    {REFUSAL_DEVICE_REVOKED, N_("The device was withdrawn; use another one."),
     N_("device revoked")},
    {REFUSAL_KEY_UNKNOWN,
     N_("This device holds no certified key of that person; use first use with a one-time code."),
     N_("key unknown")},
    {REFUSAL_KEY_REVOKED, N_("The key was withdrawn; ask an admin."), N_("key revoked")},
    {REFUSAL_PERSON_UNKNOWN, N_("Nobody of that number is known here; check the badge number."),
     N_("person unknown")},
    {REFUSAL_RIGHT_MISSING, N_("%1$s: not allowed for %2$s; ask somebody whose role allows it."),
     N_("no right")},
    {REFUSAL_ROLE_AREA,
     N_("%1$s: the role of %2$s does not hold in area %3$s; ask somebody of that area."),
     N_("other area")},
    {REFUSAL_NOT_SIGNED, N_("%1$s: a person must sign this; sign in first."), N_("not signed")},
    {REFUSAL_DEVICE_MISMATCH, N_("%1$s: the key belongs to another device; act on that one."),
     N_("other device")},
    {REFUSAL_TWO_PERSONS, N_("%1$s: this needs a second person; ask one to sign too."),
     N_("two persons")},
    {REFUSAL_PIN_WRONG, N_("Wrong PIN; %1$s tries are left."), N_("PIN wrong")},
    {REFUSAL_PIN_WAIT, N_("Too many wrong PINs; wait %1$s s, then try again."), N_("PIN wait")},
    {REFUSAL_PIN_LOCKED, N_("The key is locked after too many wrong PINs; ask an admin."),
     N_("PIN locked")},
    {REFUSAL_PIN_SHORT, N_("A PIN has at least %1$s digits and nothing else; choose another one."),
     N_("PIN short")},
    {REFUSAL_PIN_DEMO, N_("This PIN is printed in the demonstration; choose another one."),
     N_("demo PIN")},
    {REFUSAL_NOT_SIGNED_IN, N_("Nobody is signed in; sign in first."), N_("not signed in")},
    {REFUSAL_LOCKED, N_("The console is locked; unlock it with your PIN."), N_("locked")},
    {REFUSAL_CODE_MISMATCH, N_("The code is wrong, used up or too old; ask for a new one."),
     N_("code wrong")},
    {REFUSAL_INVITE, N_("The invite is damaged, used up or too old; ask for a new one."),
     N_("bad invite")},
    {REFUSAL_DISPUTED,
     N_("%1$s: something said about this came from a withdrawn device or key; it must be reviewed "
        "first."),
     N_("disputed")},
    {REFUSAL_REJECTED, N_("It came from a withdrawn device or key and was rejected on review."),
     N_("rejected")},
    {REFUSAL_WITNESSED,
     N_("It waits until an admin accepts the worker whom the shift leader signed in."),
     N_("witnessed")},
    {REFUSAL_PIN_WIPED,
     N_("The key was wiped after too many wrong PINs; ask an admin for a new code."),
     N_("key wiped")},
    {REFUSAL_SUBJECT_UNKNOWN,
     N_("%1$s: its subject is not known here; wait until this device has caught up."),
     N_("unknown subject")},
    {REFUSAL_SUBJECT_EXISTS, N_("%1$s exists already; choose another one."), N_("exists")},
    {REFUSAL_SUBJECT_COUNT, N_("%1$s: the wrong number of rows was named; choose them again."),
     N_("subject count")},
    {REFUSAL_NOT_COVERED, N_("%1$s: somebody changed this meanwhile; look at it again and repeat."),
     N_("not covered")},
    {REFUSAL_LANE, N_("%1$s came in the wrong lane; update this Davy."), N_("wrong lane")},
    {REFUSAL_AUDIENCE, N_("%1$s has the wrong audience; update this Davy."), N_("audience")},
    {REFUSAL_REF_UNKNOWN,
     N_("%1$s: its cause is not known here; wait until this device has caught up."),
     N_("unknown cause")},
    {REFUSAL_STATE, N_("%1$s: not possible in this state; look at it again."), N_("wrong state")},
    {REFUSAL_CLOCK, N_("The clock of this device is not trusted; connect it to the hub first."),
     N_("clock")},
    {REFUSAL_ROSTER_OLD, N_("The list of people on this device is too old; connect it first."),
     N_("roster old")},
    {REFUSAL_NEEDS_NEWER, N_("This needs a newer Davy; update it."), N_("needs newer")},
    {REFUSAL_NOT_ALARM, N_("%1$s: that is no alarm; choose an alarm."), N_("no alarm")},
    {REFUSAL_NOT_SHOWN, N_("The row has changed since it was shown; look at it again."),
     N_("row changed")},
    {REFUSAL_NOTHING,
     N_("There is nothing to do: the rows are acknowledged already or have changed; look at them "
        "again."),
     N_("nothing to do")},
    {REFUSAL_AUTHOR_CLOSED, N_("This device's chain was closed; ask an admin."),
     N_("chain closed")},
    {REFUSAL_CARD,
     N_("The text after %1$s is not whole: letters are missing or wrong. Copy it again."),
     N_("bad card")},
    {REFUSAL_TIER_OWN, N_("That is this site itself; the text is for the other hub."),
     N_("own site")},
    {REFUSAL_TIER_KNOWN, N_("%1$s stands here already; withdraw its device first."),
     N_("known already")},
    {REFUSAL_CARD_OTHER,
     N_("That is another text; here one is taken that begins with %1$s. Cards begin with DAVYC-, "
        "passes with DAVYP-, invites with DAVY1-."),
     N_("other text")},
    {REFUSAL_ORDER_KIND,
     N_("%1$s is no kind of record that a parent may order; such is "
        "remark.add."),
     N_("no order")},
    {REFUSAL_FILE_LINE, N_("%1$s. Correct the file and repeat."), N_("file error")},
    {REFUSAL_TAG_UNKNOWN, N_("There is no tag %1$s on this site; check the name."),
     N_("tag unknown")},
    {REFUSAL_VALUE_RANGE, N_("%1$s: the value is out of range; check the source."),
     N_("value range")},
    {REFUSAL_TIME_RANGE, N_("%1$s: the time is out of range; check the clock."), N_("time range")},
    {REFUSAL_JSON, N_("%1$s: not valid JSON: %2$s; check the source."), N_("JSON")},
    {REFUSAL_DISK_FULL, N_("The disk is full; nothing was written. Make room and repeat."),
     N_("disk full")},
    {REFUSAL_STORE_FOREIGN, N_("%1$s holds a store of another site; choose another folder."),
     N_("foreign store")},
    {REFUSAL_STORE_BUSY, N_("Another Davy owns this store; use that one or end it."),
     N_("store busy")},
    {REFUSAL_STORE_NEWER, N_("The store was written by a newer Davy; update this one."),
     N_("store newer")},
    {REFUSAL_STORE_CORRUPT, N_("The store is damaged; run davy verify, then restore a backup."),
     N_("store damaged")},
    {REFUSAL_OFFLINE,
     N_("There is no connection to the hub; this needs one. Try again when it is back."),
     N_("offline")},
    {REFUSAL_USAGE, N_("Wrong use: %1$s; see davy --help."), N_("usage")},
    {REFUSAL_BUNDLE, N_("This is no whole bundle: at byte %1$s, %2$s. Nothing more was taken."),
     N_("bad bundle")},
    {REFUSAL_BUNDLE_SIGNER,
     N_("It was written by a device that this site does not know (%1$s); nothing was taken."),
     N_("unknown writer")},
    {REFUSAL_BUNDLE_GAP,
     N_("In lane %1$s it begins at place %2$s, but here that lane ends at %3$s; export again with "
        "--all."),
     N_("gap")},
    {REFUSAL_BACKUP_FORM,
     N_("%1$s is no backup, or it is damaged or cut off; nothing was changed."), N_("bad backup")},
    {REFUSAL_BACKUP_KEY,
     N_("The backup was made for another key, or the PIN of this one is wrong; nothing was "
        "changed."),
     N_("other backup key")},
    {REFUSAL_BACKUP_PLACE, N_("%1$s holds a store already; restore into another folder."),
     N_("folder in use")},
    {REFUSAL_BACKUP_FOREIGN,
     N_("The backup's seal is not that of the device whose store it holds; nothing was changed."),
     N_("foreign backup")},
    {REFUSAL_PLAIN,
     N_("The broker %1$s is another machine and the line would not be encrypted; write tls: or "
        "psk: "
        "before the address, or plain: where the line itself is guarded."),
     N_("not encrypted")},
    {REFUSAL_TLS,
     N_("What opens the broker %1$s is missing or unfit: certificate, key or pre-shared key; join "
        "the site anew."),
     N_("no certificate")},
    {REFUSAL_BLOB_FULL,
     N_("There is no room left for this attachment (%1$s may be kept); ask an admin."),
     N_("no room")},
    {REFUSAL_BLOB_MEDIA, N_("%1$s is no JPEG, PNG, PDF or plain text; only these can be attached."),
     N_("file type")},
    {REFUSAL_BLOB_FILE,
     N_("%1$s is no plain file, is empty, or changed while it was read; copy it and take that."),
     N_("no plain file")},
};
static const struct {
    uint16_t kind;
    const char *name;
} kinds[] = {
    {KIND_AUTHOR_OPEN, N_("device's chain opened")},
    {KIND_SITE_GENESIS, N_("site founded")},
    {KIND_PERSON_ADD, N_("person enrolled")},
    {KIND_DEVICE_ADD, N_("device enrolled")},
    {KIND_ROLE_GRANT, N_("role granted")},
    {KIND_ROLE_REVOKE, N_("role withdrawn")},
    {KIND_KEY_CERTIFY, N_("key certified")},
    {KIND_DEVICE_REVOKE, N_("device withdrawn")},
    {KIND_KEY_REVOKE, N_("key withdrawn")},
    {KIND_REVIEW_DECIDE, N_("records reviewed")},
    {KIND_ROSTER_SECOND, N_("proposal seconded")},
    {KIND_ROOTS_CHANGE, N_("root keys changed")},
    {KIND_PERSON_WITNESS, N_("worker signed in by witness")},
    {KIND_REVOKE_HEADS, N_("last good records stated")},
    {KIND_AUTHOR_FORK, N_("device forked")},
    {KIND_ALARM_RAISE, N_("alarm raised")},
    {KIND_ALARM_RETURN, N_("alarm returned")},
    {KIND_ALARM_ACK, N_("alarm acknowledged")},
    {KIND_ALARM_COMMENT, N_("alarm comment")},
    {KIND_REMARK_ADD, N_("remark")},
    {KIND_SEGMENT_ADD, N_("readings of a round")},
    {KIND_PARENT_CARRY, N_("carried from above")},
    {KIND_SITE_AREA, N_("area defined")},
    {KIND_SITE_TAG, N_("tag defined")},
};
static const char *const stages[] = {
    [STAGE_DRAFT] = N_("draft"),       [STAGE_WAITING] = N_("waiting"),
    [STAGE_SENT] = N_("sent"),         [STAGE_AT_HUB] = N_("at hub"),
    [STAGE_ACCEPTED] = N_("accepted"), [STAGE_REFUSED] = N_("refused"),
    [STAGE_HELD] = N_("held"),
};
static const char *const roles[] = {
    [ROLE_ROOT] = N_("root key"),
    [ROLE_ADMIN] = N_("admin"),
    [ROLE_SHIFT_LEADER] = N_("shift leader"),
    [ROLE_OPERATOR] = N_("operator"),
    [ROLE_SAFETY] = N_("safety officer"),
    [ROLE_INSPECTOR] = N_("inspector"),
    [ROLE_GUARDIAN] = N_("guardian"),
    [ROLE_APPROVER] = N_("approver"),
    [ROLE_VIEWER] = N_("viewer"),
};
static const char *const verdicts[] = {
    [VERDICT_NONE] = N_("pending"),    [VERDICT_ACCEPTED] = N_("accepted"),
    [VERDICT_REFUSED] = N_("refused"), [VERDICT_REPEAT] = N_("repeat"),
    [VERDICT_HELD] = N_("held"),
};
static const char *const rcs[] = {
    [RC_OK] = N_("done"),
    [RC_INVALID] = N_("the input is malformed"),
    [RC_TRUNCATED] = N_("the input ends too early"),
    [RC_TOO_LARGE] = N_("too large"),
    [RC_NOT_FOUND] = N_("not found"),
    [RC_EXISTS] = N_("it exists already"),
    [RC_DENIED] = N_("access denied"),
    [RC_REFUSED] = N_("refused by a rule"),
    [RC_BAD_SIGNATURE] = N_("a signature does not verify"),
    [RC_WRONG_SITE] = N_("it belongs to another site"),
    [RC_UNSUPPORTED] = N_("it needs a newer Davy"),
    [RC_GAP] = N_("something before it is missing"),
    [RC_FORK] = N_("the place already holds something else"),
    [RC_STALE] = N_("it is too old"),
    [RC_BUSY] = N_("another process uses it; end that one or try again"),
    [RC_FULL] = N_("the disk is full; make room and repeat"),
    [RC_IO] = N_("the system reported an input/output error; check disk and rights"),
    [RC_CORRUPT] = N_("stored data is damaged; run davy verify"),
    [RC_NO_MEMORY] = N_("not enough memory"),
    [RC_OFFLINE] = N_("there is no connection"),
};

// ---- Language ----

// Beside the program where it was built, above its tests, or where it was installed.
static const char *locale_folder(char *out, size_t out_bytes) {
    char program[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    if (len > 0) {
        program[len] = '\0';
        char *slash = strrchr(program, '/');
        static const char *const places[] = {"locale", "../locale", "../share/locale"};
        for (size_t i = 0; slash && i < COUNT_OF(places); i++) {
            *slash = '\0';
            int wrote = snprintf(out, out_bytes, "%s/%s", program, places[i]);
            if (wrote > 0 && (size_t)wrote < out_bytes && access(out, R_OK) == 0) {
                return out;
            }
        }
    }
    return DAVY_LOCALE_DIR;
}

// gettext's language belongs to the process, so does what was chosen last.
static const char *language_state(const char *chosen) {
    static const char *now = "en";
    if (chosen) {
        now = strncmp(chosen, "zh", 2) == 0 ? "zh_CN" : "en";
    }
    return now;
}

void say_language(const char *language) {
    extern int _nl_msg_cat_cntr; // gettext looks again when this changes
    char folder[PATH_MAX + 16];
    (void)setenv("LANGUAGE", language_state(language), 1);
    (void)bindtextdomain(DOMAIN, locale_folder(folder, sizeof folder));
    (void)bind_textdomain_codeset(DOMAIN, "UTF-8");
    (void)textdomain(DOMAIN);
    _nl_msg_cat_cntr++;
}

const char *say_language_now(void) {
    return language_state(NULL);
}

// ---- Sentences ----

// A kind's name among the arguments is said as people know it.
static const char *argument(const struct refusal *refusal, size_t index) {
    const char *text = index < LIMIT_REFUSAL_ARGS ? refusal->args[index] : "";
    const struct kind *kind = registry_kind_named(app_registry(), text);
    return kind ? say_kind(kind->number) : text;
}

// Puts the arguments in place of %1$s to %4$s of a sentence, which may come from a translation:
// it is read here and never handed to printf.
static void fill(const char *sentence, const char *const *args, char *out, size_t out_bytes) {
    struct buf text;
    buf_init(&text, 4096);
    for (const char *at = sentence; *at != '\0'; at++) {
        if (at[0] == '%' && at[1] >= '1' && at[1] <= '0' + LIMIT_REFUSAL_ARGS && at[2] == '$' &&
            at[3] == 's') {
            const char *arg = args[at[1] - '1'];
            buf_put(&text, arg, strlen(arg));
            at += 3;
        } else {
            buf_put_u8(&text, (uint8_t)*at);
        }
    }
    // Cut at a character's boundary if it does not fit.
    (void)text_clean(slice_text(buf_cstr(&text)), out, out_bytes);
    buf_fini(&text);
}

// A result's name as its sentence.
static const char *say_reason(const char *name) {
    for (int rc = RC_OK; rc < RC_COUNT; rc++) {
        if (strcmp(rc_name((enum rc)rc), name) == 0) {
            return say_rc((enum rc)rc);
        }
    }
    return name;
}

// Where in a file: the parts that there are, "site.ini:17: tag TI-101: H: deadband-wide".
static void join_place(const struct refusal *refusal, char *out, size_t out_bytes) {
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < LIMIT_REFUSAL_ARGS && len < out_bytes; i++) {
        if (refusal->args[i][0] != '\0') {
            int wrote =
                snprintf(out + len, out_bytes - len, "%s%s", len > 0 ? ": " : "", refusal->args[i]);
            len += wrote > 0 ? (size_t)wrote : 0;
        }
    }
}

const char *say_refusal(const struct refusal *refusal, char *out, size_t out_bytes) {
    char place[LIMIT_REFUSAL_ARGS * (REFUSAL_ARG_BYTES + 2)];
    const char *args[LIMIT_REFUSAL_ARGS];
    for (size_t i = 0; i < LIMIT_REFUSAL_ARGS; i++) {
        args[i] = argument(refusal, i);
    }
    if (refusal->code == REFUSAL_BUNDLE) {
        args[1] = say_reason(args[1]);
    }
    if (refusal->code == REFUSAL_FILE_LINE) {
        join_place(refusal, place, sizeof place);
        args[0] = place;
    }
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        if (refusals[i].code == refusal->code) {
            fill(_(refusals[i].sentence), args, out, out_bytes);
            return out;
        }
    }
    (void)snprintf(out, out_bytes, "%s", _("The rule is unknown to this Davy; update it."));
    return out;
}

const char *say_rule(uint16_t rule) {
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        if ((uint16_t)refusals[i].code == rule) {
            return rule == 0 ? "" : _(refusals[i].rule);
        }
    }
    return _("unknown rule");
}

static const char *say_of(const char *const *names, size_t count, size_t index) {
    return index < count && names[index] ? _(names[index]) : "?";
}

const char *say_stage(enum act_stage stage) {
    return say_of(stages, COUNT_OF(stages), (size_t)stage);
}

const char *say_role(enum role role) {
    return say_of(roles, COUNT_OF(roles), (size_t)role);
}

const char *say_verdict(enum verdict verdict) {
    return say_of(verdicts, COUNT_OF(verdicts), (size_t)verdict);
}

const char *say_rc(enum rc rc) {
    return say_of(rcs, COUNT_OF(rcs), (size_t)rc);
}

const char *say_kind(uint16_t kind) {
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (kinds[i].kind == kind) {
            return _(kinds[i].name);
        }
    }
    return _("unknown kind");
}

// ---- Times ----

const char *say_age(int64_t age_ms, char *out, size_t out_bytes) {
    int64_t s = age_ms < 0 ? 0 : age_ms / 1000;
    if (s < 60) {
        (void)snprintf(out, out_bytes, _("%lld s"), (long long)s);
    } else if (s < 3600) {
        (void)snprintf(out, out_bytes, _("%lld min"), (long long)(s / 60));
    } else if (s < 86400) {
        (void)snprintf(out, out_bytes, _("%lld h %02lld"), (long long)(s / 3600),
                       (long long)(s / 60 % 60));
    } else {
        (void)snprintf(out, out_bytes, _("%lld d"), (long long)(s / 86400));
    }
    return out;
}

// Days since 1970-01-01 to year, month, day of the Gregorian calendar.
static void civil(int64_t days, int *out_year, int *out_month, int *out_day) {
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *out_day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *out_month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *out_year = (int)(yoe + era * 400 + (*out_month <= 2));
}

static int64_t local_s(struct utc_ms time, int offset_min) {
    int64_t ms = time.v + (int64_t)offset_min * 60000;
    return ms >= 0 ? ms / 1000 : (ms - 999) / 1000;
}

static int64_t day_of(int64_t s) {
    return s >= 0 ? s / 86400 : (s - 86399) / 86400;
}

const char *say_clock(struct utc_ms time, int offset_min, char *out, size_t out_bytes) {
    int64_t s = local_s(time, offset_min);
    int64_t in_day = s - day_of(s) * 86400;
    (void)snprintf(out, out_bytes, "%02d:%02d:%02d", (int)(in_day / 3600), (int)(in_day / 60 % 60),
                   (int)(in_day % 60));
    return out;
}

const char *say_date(struct utc_ms time, int offset_min, char *out, size_t out_bytes) {
    int year, month, day;
    int64_t s = local_s(time, offset_min);
    int64_t in_day = s - day_of(s) * 86400;
    civil(day_of(s), &year, &month, &day);
    (void)snprintf(out, out_bytes, "%04d-%02d-%02d %02d:%02d", year, month, day,
                   (int)(in_day / 3600), (int)(in_day / 60 % 60));
    return out;
}
