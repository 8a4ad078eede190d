#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_parts.h"

/* Bytes of the UTF-8 character at text as Jansson takes it, 0 when there is none. */
static size_t character_bytes(const char *text)
{
    unsigned char first = (unsigned char)text[0];
    size_t count = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    json_t *character =
        count > 0 && strnlen(text, count) == count ? json_stringn(text, count) : NULL;
    json_decref(character);
    return character != NULL ? count : 0;
}

json_t *davit_report_text(const char *text)
{
    json_t *string = json_string(text);
    if (string != NULL) {
        return string;
    }
    static const char replacement[] = "\xef\xbf\xbd";
    char *clean = malloc(3 * strlen(text) + 1);
    if (clean == NULL) {
        return NULL;
    }
    size_t length = 0;
    while (*text != '\0') {
        size_t count = character_bytes(text);
        memcpy(clean + length, count > 0 ? text : replacement, count > 0 ? count : 3);
        length += count > 0 ? count : 3;
        text += count > 0 ? count : 1;
    }
    string = json_stringn(clean, length);
    free(clean);
    return string;
}

json_t *davit_report_known(double value)
{
    return value != 0 && isfinite(value) ? json_real(value) : json_null();
}

bool davit_report_append(json_t *array, json_t *item)
{
    return json_array_append_new(array, item) == 0;
}
