/* davit-models: writes deterministic ONNX networks with random weights. */
#include "networks.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

typedef struct request {
    const network *network;
    const char *path;
    builder_options builder;
    network_options options;
} request;

enum {
    OPTION_HELP = 'h',
    OPTION_OUTPUT = 'o',
    OPTION_LIST = 256,
    OPTION_FOLD,
    OPTION_EXTERNAL,
    OPTION_DECOMPOSED,
    OPTION_NUMBER /* and above: numbers[] */
};

/* Options whose argument is a number: where it goes and its limits. */
static const struct {
    const char *name;
    size_t offset;
    int64_t least, most;
} numbers[] = {
    {"opset", offsetof(request, builder.opset), 13, 21},
    {"seed", offsetof(request, builder.seed), 0, INT64_MAX},
    {"batch", offsetof(request, options.batch), 0, 4096},
    {"size", offsetof(request, options.size), 0, 4096},
    {"classes", offsetof(request, options.classes), 1, 1000000},
    {"layers", offsetof(request, options.layers), 1, 96},
    {"hidden", offsetof(request, options.hidden), 1, 16384},
    {"heads", offsetof(request, options.heads), 1, 256},
    {"vocab", offsetof(request, options.vocabulary), 1, 1000000},
    {"seq", offsetof(request, options.sequence), 0, 512},
};
#define NUMBERS (sizeof numbers / sizeof numbers[0])

static const char help[] =
    "usage: davit-models NETWORK -o FILE.onnx [options]\n"
    "       davit-models --list\n"
    "\n"
    "Writes an ONNX network with seeded random weights; same options, same bytes.\n"
    "\n"
    "  -o FILE        where to write\n"
    "  --opset N      operator set, 13 to 21 (default 17)\n"
    "  --seed N       of the weights (default 1)\n"
    "  --batch N      fixed batch size (default 0: symbolic, N)\n"
    "  --external     weights of 1 KiB or more in FILE.data\n"
    "image networks:\n"
    "  --size N       height and width (0: symbolic, H and W; not vgg16)\n"
    "  --classes N\n"
    "  --fold         batch normalisation folded into the convolutions\n"
    "BERT:\n"
    "  --layers N --hidden N --heads N --vocab N\n"
    "  --seq N        fixed sequence length, at most 512 (default 0: symbolic, S)\n"
    "  --decomposed   layer normalisation written out (always, below opset 17)\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 usage.\n";

static int usage(const char *what, const char *which)
{
    fprintf(stderr, "davit-models: %s%s; davit-models --help shows the usage\n", what, which);
    return EXIT_USAGE;
}

static void print_list(void)
{
    for (const network *n = networks_all(); n->name; n++)
        printf("%-12s %s\n", n->name, n->what);
}

static bool read_number(request *r, size_t which, const char *text)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || end == text || *end || number < numbers[which].least ||
        number > numbers[which].most) {
        fprintf(stderr,
                "davit-models: --%s %s: a number from %" PRId64 " to %" PRId64 " is needed\n",
                numbers[which].name, text, numbers[which].least, numbers[which].most);
        return false;
    }
    int64_t stored = number;
    memcpy((char *)r + numbers[which].offset, &stored, sizeof stored);
    return true;
}

static const char *check(const request *r)
{
    const network_options *o = &r->options;
    if (!r->path)
        return "-o FILE is missing";
    if (r->network->defaults.size && !o->size && !r->network->any_size)
        return "this network needs a --size";
    if (r->network->defaults.size && !r->network->any_size && o->size < 32)
        return "this network needs a --size of at least 32";
    if (r->network->defaults.heads && o->hidden % o->heads)
        return "--hidden is not a multiple of --heads";
    return NULL;
}

/* Fills r from the options after the network's name; returns EXIT_DONE or EXIT_USAGE. */
static int parse_options(request *r, int argc, char **argv)
{
    struct option options[NUMBERS + 4] = {
        {"fold", no_argument, NULL, OPTION_FOLD},
        {"external", no_argument, NULL, OPTION_EXTERNAL},
        {"decomposed", no_argument, NULL, OPTION_DECOMPOSED},
    };
    for (size_t i = 0; i < NUMBERS; i++)
        options[3 + i] =
            (struct option){numbers[i].name, required_argument, NULL, OPTION_NUMBER + (int)i};
    argv[0] = (char *)"davit-models"; /* for getopt's messages */
    int option;
    while ((option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        if (option == OPTION_OUTPUT)
            r->path = optarg;
        else if (option == OPTION_FOLD)
            r->options.fold = true;
        else if (option == OPTION_EXTERNAL)
            r->builder.external = true;
        else if (option == OPTION_DECOMPOSED)
            r->options.decomposed = true;
        else if (option < OPTION_NUMBER ||
                 !read_number(r, (size_t)(option - OPTION_NUMBER), optarg))
            return EXIT_USAGE;
    }
    if (optind < argc)
        return usage("what is this: ", argv[optind]);
    const char *wrong = check(r);
    return wrong ? usage(wrong, "") : EXIT_DONE;
}

static int write_network(const request *r)
{
    builder *b = builder_open(&r->builder, r->path);
    if (!b)
        return EXIT_FAILED;
    r->network->build(b, &r->options);
    builder_metadata(b, "network", r->network->name);
    builder_metadata(b, "seed", builder_format(b, "%" PRIu64, r->builder.seed));
    bool done = builder_finish(b);
    builder_close(b);
    return done ? EXIT_DONE : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : "";
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0) {
        fputs(help, stdout);
        return EXIT_DONE;
    }
    if (strcmp(first, "--list") == 0) {
        print_list();
        return EXIT_DONE;
    }
    request r = {.network = network_find(first)};
    if (!r.network)
        return usage("no network of that name: ", *first ? first : "(none given)");
    r.options = r.network->defaults;
    r.builder = (builder_options){.graph_name = r.network->name, .opset = 17, .seed = 1};
    int status = parse_options(&r, argc - 1, argv + 1);
    return status == EXIT_DONE ? write_network(&r) : status;
}
