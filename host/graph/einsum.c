#include "davit/einsum.h"

#include <inttypes.h>
#include <string.h>

/* What a subscript stands for while the equation is read. */
typedef struct parser {
    const davit_node *node;
    const davit_diagnostics *diag;
    davit_einsum *out;
    int letter[128];              /* label of a letter, -1: not seen */
    int uses[128];                /* how often a letter occurs in the operands */
    int ellipsis[DAVIT_MAX_RANK]; /* label of a place of the ellipsis, from the right */
    int ellipsis_rank;            /* the longest seen */
} parser;

static davit_status refuse(const parser *p, davit_status status, const char *text)
{
    return davit_fail(p->diag, status, "node '%s' (Einsum): %s", p->node->name, text);
}

static davit_status new_label(parser *p, int *label)
{
    if (p->out->label_count == DAVIT_EINSUM_MAX_LABELS) {
        return refuse(p, DAVIT_UNSUPPORTED, "the equation has too many different indices");
    }
    *label = p->out->label_count++;
    p->out->extent[*label] = 1;
    return DAVIT_OK;
}

/* Gives a label to the axis of an operand and joins the extents. */
static davit_status put(parser *p, const davit_tensor_desc *x, int *rank, int *labels, int label)
{
    if (*rank == x->rank) {
        return refuse(p, DAVIT_BAD_DATA, "an operand has fewer axes than its subscripts");
    }
    int64_t n = x->dims[*rank];
    int64_t *extent = &p->out->extent[label];
    if (*extent != 1 && n != 1 && *extent != n) {
        return davit_fail(p->diag, DAVIT_BAD_DATA,
                          "node '%s' (Einsum): an index has %" PRId64 " and %" PRId64 " values",
                          p->node->name, *extent, n);
    }
    if (n != 1) {
        *extent = n;
    }
    labels[(*rank)++] = label;
    return DAVIT_OK;
}

/* Reads one subscript: a letter (set in *c), an ellipsis ('.'), or a refusal. */
static davit_status next_subscript(const parser *p, const char **text, char *c)
{
    *c = **text;
    if (*c == '.') {
        if (strncmp(*text, "...", 3) != 0) {
            return refuse(p, DAVIT_BAD_DATA, "the equation has a dot that is no ellipsis");
        }
        *text += 3;
        return DAVIT_OK;
    }
    if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z'))) {
        return refuse(p, DAVIT_BAD_DATA, "the equation has a character that is no letter");
    }
    (*text)++;
    return DAVIT_OK;
}

static davit_status put_ellipsis(parser *p, const davit_tensor_desc *x, int letters, int *rank,
                                 int *labels)
{
    int covered = x->rank - letters;
    if (covered < 0) {
        return refuse(p, DAVIT_BAD_DATA, "an operand has fewer axes than its subscripts");
    }
    davit_status status = DAVIT_OK;
    while (p->ellipsis_rank < covered && status == DAVIT_OK) {
        status = new_label(p, &p->ellipsis[p->ellipsis_rank]);
        p->ellipsis_rank += status == DAVIT_OK;
    }
    for (int place = covered - 1; place >= 0 && status == DAVIT_OK; place--) {
        status = put(p, x, rank, labels, p->ellipsis[place]);
    }
    return status;
}

/* Reads the subscripts of operand i up to ',', '-' or the end. */
static davit_status parse_operand(parser *p, const char **text, int i, const davit_tensor_desc *x)
{
    int letters = 0;
    for (const char *c = *text; *c != '\0' && *c != ',' && *c != '-'; c++) {
        letters += *c != '.';
    }
    int *rank = &p->out->input_rank[i];
    int *labels = p->out->input[i];
    bool dotted = false;
    while (**text != '\0' && **text != ',' && **text != '-') {
        char c;
        davit_status status = next_subscript(p, text, &c);
        if (status == DAVIT_OK && c == '.') {
            if (dotted) {
                return refuse(p, DAVIT_BAD_DATA, "an operand has two ellipses");
            }
            dotted = true;
            status = put_ellipsis(p, x, letters, rank, labels);
        } else if (status == DAVIT_OK) {
            int *label = &p->letter[(unsigned char)c];
            status = *label < 0 ? new_label(p, label) : DAVIT_OK;
            p->uses[(unsigned char)c]++;
            if (status == DAVIT_OK) {
                status = put(p, x, rank, labels, *label);
            }
        }
        if (status != DAVIT_OK) {
            return status;
        }
    }
    if (*rank != x->rank) {
        return refuse(p, DAVIT_BAD_DATA, "an operand has more axes than its subscripts");
    }
    return DAVIT_OK;
}

static davit_status add_output(parser *p, int label)
{
    davit_einsum *out = p->out;
    for (int d = 0; d < out->output_rank; d++) {
        if (out->output[d] == label) {
            return refuse(p, DAVIT_BAD_DATA, "the result carries an index twice");
        }
    }
    if (out->output_rank == DAVIT_MAX_RANK) {
        return refuse(p, DAVIT_UNSUPPORTED, "the result has more than 8 axes");
    }
    out->output[out->output_rank++] = label;
    return DAVIT_OK;
}

static davit_status add_output_ellipsis(parser *p)
{
    davit_status status = DAVIT_OK;
    for (int place = p->ellipsis_rank - 1; place >= 0 && status == DAVIT_OK; place--) {
        status = add_output(p, p->ellipsis[place]);
    }
    return status;
}

static davit_status parse_output(parser *p, const char *text)
{
    while (*text != '\0') {
        char c;
        davit_status status = next_subscript(p, &text, &c);
        if (status == DAVIT_OK && c == '.') {
            status = add_output_ellipsis(p);
        } else if (status == DAVIT_OK && p->letter[(unsigned char)c] < 0) {
            status = refuse(p, DAVIT_BAD_DATA, "the result has an index that no operand has");
        } else if (status == DAVIT_OK) {
            status = add_output(p, p->letter[(unsigned char)c]);
        }
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return DAVIT_OK;
}

static davit_status implicit_output(parser *p)
{
    davit_status status = add_output_ellipsis(p);
    for (int c = 0; c < 128 && status == DAVIT_OK; c++) {
        if (p->uses[c] == 1) {
            status = add_output(p, p->letter[c]);
        }
    }
    return status;
}

static davit_status parse(parser *p, const char *text, const davit_tensor_desc *const *operands,
                          int count)
{
    for (int i = 0; i < count; i++) {
        davit_status status = parse_operand(p, &text, i, operands[i]);
        if (status != DAVIT_OK) {
            return status;
        }
        bool last = i + 1 == count;
        if (last ? *text == ',' : *text != ',') {
            return refuse(p, DAVIT_BAD_DATA, "the equation does not have one term per operand");
        }
        text += !last;
    }
    if (*text == '\0') {
        return implicit_output(p);
    }
    if (strncmp(text, "->", 2) != 0) {
        return refuse(p, DAVIT_BAD_DATA, "the equation has a dash that is no arrow");
    }
    return parse_output(p, text + 2);
}

davit_status davit_einsum_parse(const davit_node *node, const davit_tensor_desc *const *operands,
                                int count, const davit_diagnostics *diag, davit_einsum *out)
{
    memset(out, 0, sizeof(*out));
    parser p = {.node = node, .diag = diag, .out = out};
    memset(p.letter, -1, sizeof(p.letter));
    const char *equation = davit_node_string(node, "equation", NULL);
    if (equation == NULL) {
        return refuse(&p, DAVIT_BAD_DATA, "the equation is missing");
    }
    char text[256];
    size_t length = 0;
    for (const char *c = equation; *c != '\0'; c++) {
        if (length + 1 == sizeof(text)) {
            return refuse(&p, DAVIT_UNSUPPORTED, "the equation is longer than 255 characters");
        }
        if (*c != ' ') {
            text[length++] = *c;
        }
    }
    text[length] = '\0';
    if (count > DAVIT_EINSUM_MAX_INPUTS) {
        return refuse(&p, DAVIT_UNSUPPORTED, "more than 8 operands");
    }
    out->input_count = count;
    return parse(&p, text, operands, count);
}
