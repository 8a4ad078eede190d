#include "davit/recurrent.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

typedef struct function_info {
    const char *name;
    davit_recurrent_function function;
    bool has_alpha, has_beta;
    float alpha, beta; /* defaults of the operator of that name */
} function_info;

static const function_info functions[] = {
    {"Affine", DAVIT_RECURRENT_AFFINE, true, true, 1.0f, 0.0f},
    {"Elu", DAVIT_RECURRENT_ELU, true, false, 1.0f, 0.0f},
    {"HardSigmoid", DAVIT_RECURRENT_HARD_SIGMOID, true, true, 0.2f, 0.5f},
    {"LeakyRelu", DAVIT_RECURRENT_LEAKY_RELU, true, false, 0.01f, 0.0f},
    {"Relu", DAVIT_RECURRENT_RELU, false, false, 0.0f, 0.0f},
    {"ScaledTanh", DAVIT_RECURRENT_SCALED_TANH, true, true, 1.0f, 1.0f},
    {"Sigmoid", DAVIT_RECURRENT_SIGMOID, false, false, 0.0f, 0.0f},
    {"Softplus", DAVIT_RECURRENT_SOFTPLUS, false, false, 0.0f, 0.0f},
    {"Softsign", DAVIT_RECURRENT_SOFTSIGN, false, false, 0.0f, 0.0f},
    {"Tanh", DAVIT_RECURRENT_TANH, false, false, 0.0f, 0.0f},
    {"ThresholdedRelu", DAVIT_RECURRENT_THRESHOLDED_RELU, true, false, 1.0f, 0.0f},
};

static const function_info *find_function(const char *name)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (strcasecmp(functions[i].name, name) == 0) {
            return &functions[i];
        }
    }
    return NULL;
}

/* Takes the next of the values given in an attribute, or keeps the default. */
static void take(const float *values, size_t count, size_t *used, float *value)
{
    if (*used < count) {
        *value = values[(*used)++];
    }
}

static davit_status resolve_activations(const davit_node *node, const davit_diagnostics *diag,
                                        davit_recurrent *out)
{
    static const char *const defaults[5][3] = {
        {0}, {"Tanh"}, {0}, {"Sigmoid", "Tanh"}, {"Sigmoid", "Tanh", "Tanh"}};
    static const size_t needed[5] = {0, 1, 0, 2, 3};
    size_t each = needed[out->gates];
    size_t total = each * (size_t)out->directions;
    const davit_attribute *names = davit_node_attribute(node, "activations");
    if (names != NULL && names->count == 0) {
        names = NULL;
    }
    if (names != NULL && (names->type != DAVIT_ATTRIBUTE_STRINGS || names->count != total)) {
        return davit_fail(diag, DAVIT_BAD_DATA, "node '%s' (%s): %zu activations, not %zu",
                          node->name, node->op->name, names->count, total);
    }
    size_t alpha_count;
    size_t beta_count;
    const float *alphas = davit_node_floats(node, "activation_alpha", &alpha_count);
    const float *betas = davit_node_floats(node, "activation_beta", &beta_count);
    size_t alpha_used = 0;
    size_t beta_used = 0;
    for (size_t i = 0; i < total; i++) {
        const char *name = names != NULL ? names->u.strings[i] : defaults[out->gates][i % each];
        const function_info *info = find_function(name);
        if (info == NULL) {
            return davit_fail(diag, DAVIT_BAD_DATA, "node '%s' (%s): unknown activation '%s'",
                              node->name, node->op->name, name);
        }
        davit_recurrent_activation *a = &out->activations[i / each][i % each];
        *a = (davit_recurrent_activation){info->function, info->alpha, info->beta};
        if (info->has_alpha) {
            take(alphas, alpha_count, &alpha_used, &a->alpha);
        }
        if (info->has_beta) {
            take(betas, beta_count, &beta_used, &a->beta);
        }
    }
    return DAVIT_OK;
}

davit_status davit_recurrent_resolve(const davit_node *node, const davit_tensor_desc *x,
                                     const davit_tensor_desc *r, const davit_diagnostics *diag,
                                     davit_recurrent *out)
{
    memset(out, 0, sizeof(*out));
    out->gates = node->op->op == DAVIT_OP_RNN ? 1 : node->op->op == DAVIT_OP_GRU ? 3 : 4;
    const char *direction = davit_node_string(node, "direction", "forward");
    out->reverse = strcmp(direction, "reverse") == 0;
    out->directions = strcmp(direction, "bidirectional") == 0 ? 2 : 1;
    if (out->directions == 1 && !out->reverse && strcmp(direction, "forward") != 0) {
        return davit_fail(diag, DAVIT_BAD_DATA, "node '%s' (%s): unknown direction '%s'",
                          node->name, node->op->name, direction);
    }
    int64_t layout = davit_node_int(node, "layout", 0);
    if (layout != 0 && layout != 1) {
        return davit_fail(diag, DAVIT_BAD_DATA, "node '%s' (%s): layout is %" PRId64 ", not 0 or 1",
                          node->name, node->op->name, layout);
    }
    out->layout = (int)layout;
    out->steps = x->dims[layout == 0 ? 0 : 1];
    out->batch = x->dims[layout == 0 ? 1 : 0];
    out->input = x->dims[2];
    out->hidden = r->dims[2];
    int64_t hidden = davit_node_int(node, "hidden_size", out->hidden);
    if (hidden != out->hidden || hidden > INT32_MAX) {
        return davit_fail(diag, DAVIT_BAD_DATA,
                          "node '%s' (%s): hidden_size is %" PRId64 ", but R has %" PRId64
                          " columns",
                          node->name, node->op->name, hidden, out->hidden);
    }
    return resolve_activations(node, diag, out);
}
