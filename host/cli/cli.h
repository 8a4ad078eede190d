/* What the commands of `davit` share: exit codes, the option tables, the common options. */
#ifndef DAVIT_CLI_H
#define DAVIT_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <davit/davit.h>

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

#define CLI_SCHEMA_VERSION 1 /* of every JSON that davit prints, but the plan's */

/* One option of a command; a table of them ends with name NULL. */
typedef struct cli_option {
    const char *name;     /* "input" for --input */
    char letter;          /* 'v' for -v, 0: none */
    const char *argument; /* "NAME=FILE", NULL: a switch */
    const char *help;
} cli_option;

/* A command: `davit NAME ARGUMENTS`. */
typedef struct cli_command {
    const char *name;
    const char *arguments; /* "MODEL", for the usage line */
    const char *summary;   /* one line */
    const char *details;   /* more lines for --help, "" if none */
    const cli_option *options;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns an exit code */
    bool places_only;                  /* its sessions open no device */
} cli_command;

void cli_context_close(davit_context *context);
/* Whether a driver keeps what belongs to a context that was closed. */
bool cli_driver_stays(void);

extern const cli_command cli_devices;
extern const cli_command cli_run;
extern const cli_command cli_plan;
extern const cli_command cli_check;
extern const cli_command cli_bench;
extern const cli_command cli_quantize;
extern const cli_command cli_calibrate;
extern const cli_command cli_bitstream;
extern const cli_command cli_emulate;
extern const cli_command cli_report;

/* A growing list of strings, borrowed from argv. */
typedef struct cli_list {
    size_t count;
    const char **items;
} cli_list;

/* Everything that a command line can say; a command reads what its table allows. */
typedef struct cli_arguments {
    cli_list positional;
    cli_list inputs; /* NAME=FILE */
    cli_list shapes; /* NAME=1x3x640x640 */
    cli_list pins;   /* NAME=DEVICE */
    cli_list keep;   /* names of operators */
    cli_list keep_types;
    const char *calibration;
    const char *method;
    const char *percentile;
    const char *weights;
    const char *activations;
    const char *output;
    const char *devices;
    const char *plan;
    const char *problem;
    const char *preprocess;
    const char *topology;
    const char *profiles;
    const char *objective;
    const char *latency_limit;
    const char *precision;
    const char *folder;
    const char *tree;
    const char *faults;
    const char *report;
    const char *trace;
    bool explain;
    bool strict;
    bool verify;
    bool json;
    bool no_optimize;
    bool per_tensor;
    bool no_bias_correction;
    bool equalize;
    bool clear;
    bool show;
    bool only_models;
    bool predict;
    bool rtl;
    bool no_learn;
    bool reproducible;
    bool no_cache;
    bool shapes_of_some; /* set by commands of several models: a --shape may be for one of them */
    long repeat;         /* 0: not given */
    long inferences;
    long boards; /* 0: not given */
    long effort; /* 0: not given */
    long threads;
    long timeout_s;
    long warmup;    /* -1: not given */
    long seconds;   /* 0: not given */
    long in_flight; /* 0: not given */
    const char *no_fallback;
    uint64_t seed;
    davit_severity level;
} cli_arguments;

/* Parses argv by the command's table. Returns true to go on; else *exit_code is set (--help was
 * printed, or a usage error told on stderr). Free with cli_arguments_clear. */
bool cli_parse(const cli_command *command, int argc, char **argv, cli_arguments *arguments,
               int *exit_code);
void cli_arguments_clear(cli_arguments *arguments);

/* Prints "davit: error: ..." to stderr and returns CLI_USAGE. */
DAVIT_PRINTF(2, 3) int cli_usage_error(const cli_command *command, const char *format, ...);

/* The folder of device profiles. */
#define CLI_PROFILES_OPTION                                                                        \
    {                                                                                              \
        "profiles", 0, "DIR",                                                                      \
            "a folder of device profiles NAME.json, before those that are shipped"                 \
    }

/* Writes the file of --output; reports. Returns an exit code. */
int cli_write_file(const davit_diagnostics *diag, const char *path, const char *text);

/* The options that every command takes. */
#define CLI_COMMON_OPTIONS                                                                         \
    {"json", 0, NULL, "print JSON instead of text"},                                               \
        {"verbose", 'v', NULL, "tell decisions on stderr; twice: details"},                        \
        {"help", 'h', NULL, "show this help"},                                                     \
    {                                                                                              \
        NULL, 0, NULL, NULL                                                                        \
    }

/* The options with which a model is bound, placed and opened. */
#define CLI_SESSION_OPTIONS                                                                        \
    {"input", 'i', "NAME=FILE",                                                                    \
     "value of an input: .npy, .pb (ONNX TensorProto), .png, .jpg, .ppm; repeatable"},             \
        {"shape", 's', "NAME=1x3x640x640", "shape of an input that the model leaves open"},        \
        {"preprocess", 0, "MEAN,STD,ORDER",                                                        \
         "for images: (pixel/255 - MEAN)/STD, one number or three as a:b:c; ORDER rgb, bgr or "    \
         "gray (default 0,1,rgb)"},                                                                \
        {"seed", 0, "N", "of the random values of inputs not given (default 1)"},                  \
        {"devices", 'd', "LIST", "devices in order of preference, as cuda:0,cpu"},                 \
        {"pin", 0, "NAME=DEVICE", "run the unit, node or output NAME on DEVICE; repeatable"},      \
        {"plan", 0, "FILE", "use a plan written by `davit plan -o`"},                              \
        {"strict", 0, NULL, "fail instead of falling back to another device"},                     \
        {"reproducible", 0, NULL,                                                                  \
         "all that computes floats on one device, by the kernels of rules: a quantised model "     \
         "gives the same bytes however it is placed"},                                             \
        {"threads", 't', "N", "threads of CPU devices (default: all cores)"},                      \
        {"timeout", 0, "SECONDS", "give a run up after that long (default: never)"},               \
        {"precision", 0, "NAME",                                                                   \
         "of products of f32 values, on devices that have it: f32 (default), tf32 (NVIDIA GPUs), " \
         "bf16 (CPUs)"},                                                                           \
        {"no-cache", 0, NULL, "keep no packed weights on disk, and use none"},                     \
    {                                                                                              \
        "no-optimize", 0, NULL, "run the graph as the file has it, unfused"                        \
    }

/* The options with which inferences follow each other, and devices are replaced. */
#define CLI_FLOW_OPTIONS                                                                           \
    {"objective", 0, "NAME", "latency (default), throughput of a pipeline, or energy"},            \
        {"latency-limit", 0, "MS", "the latency that energy may take at most (default: any)"},     \
        {"in-flight", 0, "N", "N inferences at the same time, results in order (default 1)"},      \
    {                                                                                              \
        "no-fallback", 0, "KINDS",                                                                 \
            "kinds of devices, as cpu,reference, that take over no unit that another lacks or "    \
            "loses"                                                                                \
    }

#endif
