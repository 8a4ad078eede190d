/* `davit devices`: what there is only as a profile, for davit plan. */
#include <jansson.h>

#include "davit/profile.h"
#include "devices.h"

/* Reads one profile and hands it to show with the reason why it cannot be read, or "". */
typedef void (*show_profile)(const davit_device_info *info, const char *problem, void *user);

static davit_status each_profile(const char *folder, const davit_diagnostics *diag,
                                 show_profile show, void *user)
{
    const char *const *names;
    size_t count;
    davit_arena arena;
    davit_arena_init(&arena, davit_allocator_default());
    davit_status status = davit_profile_list(&arena, folder, diag, &names, &count);
    for (size_t i = 0; status == DAVIT_OK && i < count; i++) {
        davit_device_profile profile = {0};
        davit_device_info info;
        davit_diagnostics_buffer problem;
        davit_diagnostics_buffer_init(&problem);
        bool fine = davit_profile_find(davit_allocator_default(), names[i], folder, &problem.sink,
                                       &profile) == DAVIT_OK;
        davit_profile_describe(names[i], &profile, &info);
        show(&info, fine ? "" : problem.text, user);
    }
    davit_arena_clear(&arena);
    return status;
}

static void print_profile(const davit_device_info *info, const char *problem, void *user)
{
    char size[32];
    (void)user;
    printf("%-31s %-9s %-8s %s\n", info->name, problem[0] != '\0' ? "damaged" : "plan only",
           cli_size_text(info->profile.memory_bytes, size, sizeof(size)),
           problem[0] != '\0' ? problem : info->description);
}

davit_status cli_print_profiles(const char *folder, const davit_diagnostics *diag)
{
    printf("\n%-31s %-9s %-8s %s\n", "device", "state", "memory",
           "what it is: exists only as a profile");
    return each_profile(folder, diag, print_profile, NULL);
}

static void add_profile(const davit_device_info *info, const char *problem, void *user)
{
    json_array_append_new(user, json_pack("{s:s, s:s, s:s, s:I}", "name", info->name, "description",
                                          info->description, "problem", problem, "memory_bytes",
                                          (json_int_t)info->profile.memory_bytes));
}

json_t *cli_profiles_json(const char *folder, const davit_diagnostics *diag)
{
    json_t *profiles = json_array();
    if (each_profile(folder, diag, add_profile, profiles) != DAVIT_OK) {
        json_decref(profiles);
        return NULL;
    }
    return profiles;
}
