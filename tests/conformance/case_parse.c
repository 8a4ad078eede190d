#include "case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static davit_status bad_token(const davit_diagnostics *diag, const char *token)
{
    return davit_fail(diag, DAVIT_BAD_DATA, "case: cannot read '%s'", token);
}

/* Reads "1,2,3" (or with another separator) as both integers and floats; false when it is none. */
static bool parse_list(const char *text, char separator, case_operand *out)
{
    while (*text != '\0') {
        char *end;
        char *float_end;
        if (out->count == CASE_MAX_LIST) {
            return false;
        }
        out->ints[out->count] = strtoll(text, &end, 10);
        out->floats[out->count] = strtof(text, &float_end);
        /* A shape's "0x3" is no hexadecimal number. */
        end = separator == ',' && float_end > end ? float_end : end;
        if (end == text || (*end != '\0' && *end != separator)) {
            return false;
        }
        out->count++;
        text = *end == '\0' ? end : end + 1;
    }
    return true;
}

static bool parse_operand(const char *token, case_operand *out)
{
    static const struct {
        char letter;
        case_operand_kind kind;
    } kinds[] = {{'x', CASE_INPUT},    {'w', CASE_WEIGHTS},  {'p', CASE_POSITIVE},
                 {'l', CASE_INTS},     {'f', CASE_FLOATS},   {'s', CASE_SCALAR},
                 {'u', CASE_U8_INPUT}, {'i', CASE_S8_INPUT}, {'t', CASE_U8},
                 {'c', CASE_S8},       {'d', CASE_S16},      {'b', CASE_S32}};
    *out = (case_operand){0};
    if (token[0] == '@') {
        out->kind = CASE_RESULT;
        return parse_list(token + 1, ',', out) && out->count == 1;
    }
    if (strcmp(token, "-") == 0) {
        out->kind = CASE_ABSENT;
        return true;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        bool columns = token[0] == 'C' || token[0] == 'D';
        char letter = columns ? (char)(token[0] - 'A' + 'a') : token[0];
        if (letter == kinds[i].letter && token[1] == ':') {
            out->kind = kinds[i].kind;
            out->columns = columns;
            if (out->kind < CASE_INTS) {
                out->same_shape = strcmp(token + 2, "same") == 0;
                return out->same_shape || parse_list(token + 2, 'x', out);
            }
            return parse_list(token + 2, ',', out);
        }
    }
    return false;
}

static bool parse_attribute(const char *token, case_attribute *out)
{
    const char *equals = strchr(token, '=');
    *out = (case_attribute){0};
    if (equals == NULL || (size_t)(equals - token) >= sizeof(out->name)) {
        return false;
    }
    memcpy(out->name, token, (size_t)(equals - token));
    const char *value = equals + 1;
    if (strchr("-0123456789", value[0]) == NULL) {
        out->type = DAVIT_ATTRIBUTE_STRING;
        return (size_t)snprintf(out->string, sizeof(out->string), "%s", value) <
               sizeof(out->string);
    }
    case_operand list = {0};
    if (!parse_list(value, ',', &list) || list.count == 0) {
        return false;
    }
    memcpy(out->ints, list.ints, sizeof(out->ints));
    out->number = list.floats[0];
    out->count = list.count;
    memcpy(out->floats, list.floats, sizeof(out->floats));
    bool real = strchr(value, '.') != NULL;
    out->type = strchr(value, ',') == NULL ? (real ? DAVIT_ATTRIBUTE_FLOAT : DAVIT_ATTRIBUTE_INT)
                                           : (real ? DAVIT_ATTRIBUTE_FLOATS : DAVIT_ATTRIBUTE_INTS);
    return true;
}

/* Reads what follows the operator's name. */
static bool parse_part(const char *token, case_node *node)
{
    if (strncmp(token, "->", 2) == 0) {
        node->output_count = strtoul(token + 2, NULL, 10);
        return node->output_count >= 1 && node->output_count <= CASE_MAX_OUTPUTS;
    }
    if (strcmp(token, "^") == 0) {
        node->anew = true;
        return true;
    }
    if (strchr(token, '=') != NULL) {
        return node->attribute_count < CASE_MAX_ATTRIBUTES &&
               parse_attribute(token, &node->attributes[node->attribute_count++]);
    }
    return node->operand_count < CASE_MAX_OPERANDS &&
           parse_operand(token, &node->operands[node->operand_count++]);
}

davit_status case_parse(const char *text, const davit_diagnostics *diag, case_text *out)
{
    char copy[CASE_TEXT_BYTES];
    memset(out, 0, sizeof(*out));
    if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy)) {
        return bad_token(diag, text);
    }
    char *rest = NULL;
    case_node *node = NULL;
    for (char *token = strtok_r(copy, " ", &rest); token != NULL;
         token = strtok_r(NULL, " ", &rest)) {
        if (strcmp(token, ";") == 0) {
            node = NULL;
        } else if (node == NULL) {
            if (out->node_count == CASE_MAX_NODES || strlen(token) >= sizeof(node->op)) {
                return bad_token(diag, token);
            }
            node = &out->nodes[out->node_count++];
            node->output_count = 1;
            (void)snprintf(node->op, sizeof(node->op), "%s", token);
        } else if (!parse_part(token, node)) {
            return bad_token(diag, token);
        }
    }
    return out->node_count > 0 ? DAVIT_OK : bad_token(diag, text);
}
