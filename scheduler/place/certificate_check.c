/* davit_place_certificate_check: the frame, and what the forms share. */
#include "certificate.h"

#include <string.h>

static davit_status check_nothing(const davit_place_proof *proof, double *proved)
{
    (void)proof;
    *proved = 0.0;
    return DAVIT_OK;
}

typedef struct form {
    const char *name;
    bool objectives[3]; /* latency, throughput, energy */
    davit_place_form_check check;
} form;

static const form forms[] = {
    {"nothing", {true, true, true}, check_nothing},
    {"single", {true, true, true}, davit_place_check_single},
    {"area", {false, true, false}, davit_place_check_area},
    {"packing", {false, true, false}, davit_place_check_packing},
    {"linear", {false, true, false}, davit_place_check_linear},
    {"search", {false, true, false}, davit_place_check_search},
    {"paths", {true, false, true}, davit_place_check_paths},
    {"branches", {true, false, true}, davit_place_check_branches},
};

davit_status davit_place_wrong(const davit_place_proof *proof, const char *what)
{
    return davit_fail(proof->diag, DAVIT_BAD_DATA, "certificate: %s", what);
}

davit_status davit_place_too_large(const davit_place_proof *proof)
{
    return davit_fail(proof->diag, DAVIT_UNSUPPORTED,
                      "certificate: there is too much in it to check");
}

davit_status davit_place_no_memory(const davit_place_proof *proof)
{
    return davit_fail(proof->diag, DAVIT_OUT_OF_MEMORY, "no memory to check a certificate");
}

davit_status davit_place_numbers(const davit_place_proof *proof, const char *name, size_t count,
                                 double **numbers)
{
    const json_t *array = json_object_get(proof->json, name);
    if (!json_is_array(array) || json_array_size(array) != count) {
        return davit_fail(proof->diag, DAVIT_BAD_DATA,
                          "certificate: '%s' is not an array of %zu numbers", name, count);
    }
    double *values = davit_arena_alloc_array(proof->arena, count, sizeof(double));
    if (values == NULL) {
        return davit_place_no_memory(proof);
    }
    for (size_t k = 0; k < count; k++) {
        const json_t *number = json_array_get(array, k);
        values[k] = json_number_value(number);
        if (!json_is_number(number) || !isfinite(values[k]) || values[k] < 0.0) {
            return davit_fail(proof->diag, DAVIT_BAD_DATA,
                              "certificate: '%s' has something else than a number >= 0", name);
        }
    }
    *numbers = values;
    return DAVIT_OK;
}

static davit_status find_form(const davit_place_proof *proof, const form **out)
{
    static const char *const objectives[] = {"latency", "throughput", "energy"};
    const char *objective = json_string_value(json_object_get(proof->json, "objective"));
    const char *name = json_string_value(json_object_get(proof->json, "form"));
    if (json_integer_value(json_object_get(proof->json, "certificate")) != 1) {
        return davit_place_wrong(proof, "not one, or of another version");
    }
    if (objective == NULL || strcmp(objective, objectives[proof->options->objective]) != 0) {
        return davit_place_wrong(proof, "of another objective");
    }
    for (size_t k = 0; name != NULL && k < sizeof(forms) / sizeof(forms[0]); k++) {
        if (strcmp(forms[k].name, name) == 0 && forms[k].objectives[proof->options->objective]) {
            *out = &forms[k];
            return DAVIT_OK;
        }
    }
    return davit_place_wrong(proof, "its form is unknown");
}

static davit_status check(davit_place_proof *proof, double *bound)
{
    const json_t *claimed = json_object_get(proof->json, "bound");
    proof->claimed = json_number_value(claimed);
    if (!json_is_number(claimed) || !isfinite(proof->claimed) || proof->claimed < 0.0) {
        return davit_place_wrong(proof, "its bound is no number >= 0");
    }
    const form *found;
    davit_status status = find_form(proof, &found);
    double proved = 0.0;
    if (status == DAVIT_OK) {
        status = found->check(proof, &proved);
    }
    if (status == DAVIT_OK && !(proof->claimed <= proved * (1.0 + DAVIT_PLACE_TOLERANCE))) {
        return davit_fail(proof->diag, DAVIT_BAD_DATA,
                          "certificate: it says %.9g and proves %.9g only", proof->claimed, proved);
    }
    if (status == DAVIT_OK) {
        *bound = proof->claimed;
    }
    return status;
}

davit_status davit_place_certificate_check(const davit_place_problem *problem,
                                           const davit_place_options *options,
                                           const char *certificate,
                                           const davit_allocator *allocator,
                                           const davit_diagnostics *diag, double *bound)
{
    davit_status status = davit_place_problem_check(problem, allocator, diag);
    if (status != DAVIT_OK) {
        return status;
    }
    json_error_t error;
    json_t *json = json_loads(certificate, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(json)) {
        json_decref(json);
        return davit_fail(diag, DAVIT_BAD_DATA, "certificate: not a JSON object: %s", error.text);
    }
    davit_arena arena;
    davit_arena_init(&arena, allocator);
    davit_place_proof proof = {
        .problem = problem, .options = options, .json = json, .arena = &arena, .diag = diag};
    status = check(&proof, bound);
    davit_arena_clear(&arena);
    json_decref(json);
    return status;
}
