/* Command lines: getopt_long driven by each command's table of options. */
#define _GNU_SOURCE /* getopt_long */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { MAX_OPTIONS = 40 };

int cli_usage_error(const cli_command *command, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    fprintf(stderr, "davit: error: %s; see davit %s --help\n", text, command->name);
    return CLI_USAGE;
}

/* Prints text behind a left column, broken between words at the 98th column. */
static void print_wrapped(const char *left, const char *text)
{
    enum { LEFT = 33, RIGHT = 98 };
    int column = printf("  %-30s", left);
    while (*text != '\0') {
        int length = (int)strcspn(text, " ");
        if (column > LEFT && column + 1 + length > RIGHT) {
            printf("\n%*s", LEFT - 1, "");
            column = LEFT - 1;
        }
        column += printf(" %.*s", length, text);
        text += length;
        text += strspn(text, " ");
    }
    printf("\n");
}

static void print_help(const cli_command *command)
{
    printf("usage: davit %s %s\n\n%s\n", command->name, command->arguments, command->summary);
    if (command->details[0] != '\0') {
        printf("\n%s", command->details);
    }
    printf("\noptions:\n");
    for (const cli_option *option = command->options; option->name != NULL; option++) {
        char left[64];
        int length = option->letter != 0 ? snprintf(left, sizeof(left), "-%c, ", option->letter)
                                         : snprintf(left, sizeof(left), "    ");
        snprintf(left + length, sizeof(left) - (size_t)length, "--%s%s%s", option->name,
                 option->argument != NULL ? " " : "",
                 option->argument != NULL ? option->argument : "");
        print_wrapped(left, option->help);
    }
}

static bool parse_long(const char *text, long low, long high, long *value)
{
    char *end;
    errno = 0;
    long parsed = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || parsed < low || parsed > high) {
        return false;
    }
    *value = parsed;
    return true;
}

/* A list that can grow by one more; exits are for the parser only, which has nothing to lose. */
static bool append(cli_list *list, const char *item)
{
    const char **grown = realloc(list->items, (list->count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    list->items = grown;
    list->items[list->count++] = item;
    return true;
}

typedef struct number_option {
    const char *name;
    long *value;
    long low, high;
} number_option;

static int set_number(const cli_command *command, cli_arguments *arguments, const char *name,
                      const char *value)
{
    long seed = 0;
    const number_option numbers[] = {
        {"repeat", &arguments->repeat, 1, 1000000},
        {"threads", &arguments->threads, 1, 4096},
        {"timeout", &arguments->timeout_s, 1, 1000000},
        {"warmup", &arguments->warmup, 0, 1000000},
        {"inferences", &arguments->inferences, 1, 1000000000},
        {"boards", &arguments->boards, 1, 1000},
        {"effort", &arguments->effort, 1, 1000000},
        {"seed", &seed, 0, LONG_MAX},
        {"seconds", &arguments->seconds, 1, 100000},
        {"in-flight", &arguments->in_flight, 1, 1024},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(name, numbers[i].name) != 0) {
            continue;
        }
        if (!parse_long(value, numbers[i].low, numbers[i].high, numbers[i].value)) {
            return cli_usage_error(command, "--%s %s: a whole number from %ld to %ld is expected",
                                   name, value, numbers[i].low, numbers[i].high);
        }
        if (numbers[i].value == &seed) {
            arguments->seed = (uint64_t)seed;
        }
        return CLI_DONE;
    }
    return cli_usage_error(command, "--%s is not handled", name);
}

static bool set_flag(cli_arguments *arguments, const char *name)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"strict", &arguments->strict},
                 {"verify", &arguments->verify},
                 {"json", &arguments->json},
                 {"no-optimize", &arguments->no_optimize},
                 {"per-tensor", &arguments->per_tensor},
                 {"no-bias-correction", &arguments->no_bias_correction},
                 {"equalize", &arguments->equalize},
                 {"explain", &arguments->explain},

                 {"clear", &arguments->clear},
                 {"show", &arguments->show},
                 {"only-models", &arguments->only_models},
                 {"predict", &arguments->predict},
                 {"rtl", &arguments->rtl},
                 {"no-learn", &arguments->no_learn},
                 {"no-cache", &arguments->no_cache},
                 {"reproducible", &arguments->reproducible}};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(name, flags[i].name) == 0) {
            *flags[i].flag = true;
            return true;
        }
    }
    return false;
}

static bool set_text(cli_arguments *arguments, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **text;
    } texts[] = {{"output", &arguments->output},
                 {"devices", &arguments->devices},
                 {"plan", &arguments->plan},
                 {"problem", &arguments->problem},
                 {"preprocess", &arguments->preprocess},
                 {"topology", &arguments->topology},
                 {"calibration", &arguments->calibration},
                 {"profiles", &arguments->profiles},
                 {"objective", &arguments->objective},
                 {"no-fallback", &arguments->no_fallback},
                 {"latency-limit", &arguments->latency_limit},
                 {"precision", &arguments->precision},
                 {"method", &arguments->method},
                 {"report", &arguments->report},
                 {"trace", &arguments->trace},
                 {"percentile", &arguments->percentile},
                 {"weights", &arguments->weights},
                 {"device", &arguments->devices},
                 {"activations", &arguments->activations},
                 {"faults", &arguments->faults},
                 {"folder", &arguments->folder},
                 {"tree", &arguments->tree}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].text = value;
            return true;
        }
    }
    return false;
}

static int set_option(const cli_command *command, cli_arguments *arguments,
                      const cli_option *option, const char *value)
{
    const struct {
        const char *name;
        cli_list *list;
        const char *form; /* with a '=', NULL: any text */
    } lists[] = {{"input", &arguments->inputs, "NAME=FILE"},
                 {"shape", &arguments->shapes, "NAME=1x3x640x640"},
                 {"pin", &arguments->pins, "NAME=DEVICE"},
                 {"keep", &arguments->keep, NULL},
                 {"keep-type", &arguments->keep_types, NULL}};
    if (set_flag(arguments, option->name) || set_text(arguments, option->name, value)) {
        return CLI_DONE;
    }
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (strcmp(option->name, lists[i].name) == 0) {
            if (lists[i].form != NULL && (strchr(value, '=') == NULL || value[0] == '=')) {
                return cli_usage_error(command, "--%s %s: %s is expected", option->name, value,
                                       lists[i].form);
            }
            return append(lists[i].list, value) ? CLI_DONE
                                                : cli_usage_error(command, "out of memory");
        }
    }
    if (strcmp(option->name, "verbose") == 0) {
        arguments->level = arguments->level < DAVIT_DEBUG ? arguments->level + 1 : DAVIT_DEBUG;
        return CLI_DONE;
    }
    return set_number(command, arguments, option->name, value);
}

/* Tells getopt_long what the table says. Returns the number of options. */
static int make_getopt(const cli_command *command, struct option *longs, char *letters)
{
    int count = 0;
    *letters++ = ':';
    for (const cli_option *option = command->options; option->name != NULL; option++) {
        longs[count] =
            (struct option){.name = option->name,
                            .has_arg = option->argument != NULL ? required_argument : no_argument,
                            .val = 256 + count};
        if (option->letter != 0) {
            *letters++ = option->letter;
            if (option->argument != NULL) {
                *letters++ = ':';
            }
        }
        count++;
    }
    *letters = '\0';
    memset(&longs[count], 0, sizeof(longs[count]));
    return count;
}

static const cli_option *find_option(const cli_command *command, int code, int count)
{
    if (code >= 256 && code < 256 + count) {
        return &command->options[code - 256];
    }
    for (const cli_option *option = command->options; option->name != NULL; option++) {
        if (option->letter != 0 && option->letter == code) {
            return option;
        }
    }
    return NULL;
}

bool cli_parse(const cli_command *command, int argc, char **argv, cli_arguments *arguments,
               int *exit_code)
{
    struct option longs[MAX_OPTIONS + 1];
    char letters[2 * MAX_OPTIONS + 2];
    memset(arguments, 0, sizeof(*arguments));
    arguments->level = DAVIT_WARNING;
    arguments->seed = 1;
    arguments->warmup = -1;
    int count = make_getopt(command, longs, letters);
    *exit_code = CLI_DONE;
    optind = 1;
    opterr = 0;
    int code;
    while (*exit_code == CLI_DONE && (code = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        const cli_option *option = find_option(command, code, count);
        if (code == ':') {
            *exit_code = cli_usage_error(command, "%s needs an argument", argv[optind - 1]);
        } else if (option == NULL) {
            *exit_code = cli_usage_error(command, "unknown option %s", argv[optind - 1]);
        } else if (strcmp(option->name, "help") == 0) {
            print_help(command);
            cli_arguments_clear(arguments);
            return false;
        } else {
            *exit_code = set_option(command, arguments, option, optarg);
        }
    }
    for (int i = optind; *exit_code == CLI_DONE && i < argc; i++) {
        if (!append(&arguments->positional, argv[i])) {
            *exit_code = cli_usage_error(command, "out of memory");
        }
    }
    if (*exit_code != CLI_DONE) {
        cli_arguments_clear(arguments);
        return false;
    }
    return true;
}

void cli_arguments_clear(cli_arguments *arguments)
{
    free(arguments->positional.items);
    free(arguments->inputs.items);
    free(arguments->shapes.items);
    free(arguments->pins.items);
    free(arguments->keep.items);
    free(arguments->keep_types.items);
    memset(arguments, 0, sizeof(*arguments));
}
