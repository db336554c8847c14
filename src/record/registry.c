#include "davy/record/module.h"

#include "davy/base/ensure.h"
#include "record/record_priv.h"

#include <string.h>

static const char *const role_names[ROLE_COUNT] = {
    [ROLE_ROOT] = "root",
    [ROLE_ADMIN] = "admin",
    [ROLE_SHIFT_LEADER] = "shift_leader",
    [ROLE_OPERATOR] = "operator",
    [ROLE_SAFETY] = "safety",
    [ROLE_INSPECTOR] = "inspector",
    [ROLE_GUARDIAN] = "guardian",
    [ROLE_APPROVER] = "approver",
    [ROLE_VIEWER] = "viewer",
};

static const enum wire wires[] = {
    [FIELD_UINT] = WIRE_VARINT, [FIELD_INT] = WIRE_SIGNED,      [FIELD_ENUM] = WIRE_VARINT,
    [FIELD_TIME] = WIRE_SIGNED, [FIELD_DECIMAL] = WIRE_DECIMAL, [FIELD_TEXT] = WIRE_BYTES,
    [FIELD_BYTES] = WIRE_BYTES, [FIELD_ID] = WIRE_BYTES,
};

const char *role_name(enum role role) {
    return (unsigned)role < ROLE_COUNT ? role_names[role] : "unknown";
}

enum rc role_parse(const char *name, enum role *out_role) {
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        if (strcmp(name, role_names[i]) == 0) {
            *out_role = (enum role)i;
            return RC_OK;
        }
    }
    return RC_NOT_FOUND;
}

enum wire field_wire(enum field_type type) {
    ENSURE((size_t)type < COUNT_OF(wires));
    return wires[type];
}

const struct field *kind_field(const struct kind *kind, uint16_t tag) {
    for (uint16_t i = 0; i < kind->field_count; i++) {
        if (kind->fields[i].tag == tag) {
            return &kind->fields[i];
        }
    }
    return NULL;
}

const char *field_value_name(const struct field *field, uint64_t value) {
    bool outside = field->max < 0 || value > (uint64_t)field->max;
    return outside ? NULL : field->names[value];
}

// A module's numbers lie together, so that most modules are passed over with one look.
static const struct kind *module_kind(const struct module *module, uint16_t number) {
    if (module->kind_count == 0 || number < module->kinds[0].number ||
        number > module->kinds[module->kind_count - 1].number) {
        return NULL;
    }
    for (uint16_t i = 0; i < module->kind_count; i++) {
        if (module->kinds[i].number == number) {
            return &module->kinds[i];
        }
    }
    return NULL;
}

const struct kind *registry_kind(const struct registry *registry, uint16_t number,
                                 const struct module **out_module) {
    for (uint16_t i = 0; i < registry->count; i++) {
        const struct kind *kind = module_kind(registry->modules[i], number);
        if (kind != NULL) {
            if (out_module != NULL) {
                *out_module = registry->modules[i];
            }
            return kind;
        }
    }
    return NULL;
}

const struct kind *registry_kind_named(const struct registry *registry, const char *name) {
    for (uint16_t i = 0; i < registry->count; i++) {
        const struct module *module = registry->modules[i];
        for (uint16_t k = 0; k < module->kind_count; k++) {
            if (strcmp(module->kinds[k].name, name) == 0) {
                return &module->kinds[k];
            }
        }
    }
    return NULL;
}
