#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "read_text.h"

bool alphabet_read(const davit_model *model, text_alphabet *out)
{
    const char *lines = davit_model_metadata(model, "character");
    if (lines == NULL) {
        fprintf(stderr, "read_text: the recognition network has no metadata 'character'\n");
        return false;
    }
    size_t bytes = strlen(lines) + 1;
    *out = (text_alphabet){.text = malloc(bytes), .characters = malloc(bytes * sizeof(char *))};
    if (out->text == NULL || out->characters == NULL) {
        fprintf(stderr, "read_text: out of memory\n");
        alphabet_clear(out);
        return false;
    }
    memcpy(out->text, lines, bytes);
    for (char *rest = out->text; *rest != '\0';) {
        out->characters[out->count++] = rest;
        rest += strcspn(rest, "\n");
        if (*rest == '\n') {
            *rest++ = '\0';
        }
    }
    return true;
}

void alphabet_clear(text_alphabet *alphabet)
{
    free(alphabet->characters);
    free(alphabet->text);
    *alphabet = (text_alphabet){.count = 0};
}

static size_t most_probable(const float *classes, size_t count)
{
    size_t best = 0;
    for (size_t c = 1; c < count; c++) {
        best = classes[c] > classes[best] ? c : best;
    }
    return best;
}

float alphabet_decode(const text_alphabet *alphabet, const davit_tensor *steps, char *text,
                      size_t bytes)
{
    size_t step_count = (size_t)steps->desc.dims[1];
    size_t class_count = (size_t)steps->desc.dims[2];
    size_t length = 0;
    size_t before = 0;
    size_t kept = 0;
    float sum = 0;
    for (size_t t = 0; t < step_count; t++) {
        const float *classes = (const float *)steps->data + t * class_count;
        size_t best = most_probable(classes, class_count);
        if (best != 0 && best != before) {
            const char *character = best <= alphabet->count ? alphabet->characters[best - 1] : " ";
            size_t more = strlen(character);
            if (length + more < bytes) {
                memcpy(text + length, character, more);
                length += more;
            }
            sum += classes[best];
            kept++;
        }
        before = best;
    }
    text[length] = '\0';
    return kept > 0 ? sum / (float)kept : 0;
}
