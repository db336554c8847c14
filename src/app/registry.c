#include "davy/app/app.h"

#include "davy/base/ensure.h"
#include "davy/domain/carry/carry.h"
#include "davy/domain/remark/remark.h"
#include "davy/domain/segment/segment.h"

// One line a module.
static const struct module *const modules[] = {
    &roster_module, &alarm_module, &define_module, &remark_module, &carry_module, &segment_module,
};
static const struct registry registry = {.modules = modules, .count = COUNT_OF(modules)};

const struct registry *app_registry(void) {
    return &registry;
}
