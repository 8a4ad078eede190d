/* The page: the template with style, scripts and data put in. */
#include <stdlib.h>
#include <string.h>

#include "embedded.h"
#include "report_parts.h"

typedef struct writer {
    char *text;
    size_t length, capacity;
    bool failed;
} writer;

static void write_bytes(writer *out, const char *bytes, size_t count)
{
    if (out->length + count + 1 > out->capacity && !out->failed) {
        size_t capacity = 2 * (out->length + count + 1);
        char *grown = realloc(out->text, capacity);
        out->failed = grown == NULL;
        out->text = grown != NULL ? grown : out->text;
        out->capacity = grown != NULL ? capacity : out->capacity;
    }
    if (!out->failed) {
        memcpy(out->text + out->length, bytes, count);
        out->length += count;
        out->text[out->length] = '\0';
    }
}

/* JSON that ends no <script>: '<' stands only in strings there. */
static void write_data(writer *out, const json_t *report)
{
    char *json = json_dumps(report, JSON_COMPACT | JSON_REAL_PRECISION(9));
    out->failed = out->failed || json == NULL;
    const char *rest = json;
    while (!out->failed && *rest != '\0') {
        size_t plain = strcspn(rest, "<");
        write_bytes(out, rest, plain);
        rest += plain;
        if (*rest == '<') {
            write_bytes(out, "\\u003c", 6);
            rest++;
        }
    }
    free(json);
}

/* All files but the template, those whose name is page_style for style, else the scripts. */
static void write_files(writer *out, bool style)
{
    for (size_t i = 1; i < davit_report_files_count; i++) {
        const davit_embedded_file *file = &davit_report_files[i];
        if ((strcmp(file->name, "style") == 0) == style) {
            write_bytes(out, (const char *)file->text, file->bytes);
        }
    }
}

static void write_mark(writer *out, const char *mark, size_t length, const json_t *report)
{
    if (length == 5 && memcmp(mark, "style", length) == 0) {
        write_files(out, true);
    } else if (length == 6 && memcmp(mark, "script", length) == 0) {
        write_files(out, false);
    } else {
        write_data(out, report);
    }
}

davit_status davit_report_write_page(const json_t *report, const davit_diagnostics *diag,
                                     char **text)
{
    writer out = {0};
    const char *rest = (const char *)davit_report_files[0].text;
    const char *mark;
    while ((mark = strstr(rest, "@{")) != NULL) {
        const char *end = strchr(mark, '}');
        write_bytes(&out, rest, (size_t)(mark - rest));
        write_mark(&out, mark + 2, (size_t)(end - mark - 2), report);
        rest = end + 1;
    }
    write_bytes(&out, rest, strlen(rest));
    *text = NULL;
    if (out.failed) {
        free(out.text);
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for the page of a report");
    }
    *text = out.text;
    return DAVIT_OK;
}

davit_status davit_report_write_json(const json_t *report, const davit_diagnostics *diag,
                                     char **text)
{
    *text = json_dumps(report, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    return *text != NULL ? DAVIT_OK
                         : davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for a report");
}
