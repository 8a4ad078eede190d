/* The program `davit`: finds the command and runs it. */
#include <string.h>
#include <unistd.h>

#include "emulate.h"

static const cli_command *const commands[] = {
    &cli_devices,  &cli_run,       &cli_plan,    &cli_check,     &cli_bench,
    &cli_quantize, &cli_calibrate, &cli_emulate, &cli_bitstream, &cli_report};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_usage(FILE *stream)
{
    fprintf(stream, "usage: davit COMMAND [ARGUMENTS]\n\n"
                    "Runs ONNX networks on the devices of this machine and says what ran where.\n\n"
                    "commands:\n");
    for (size_t i = 0; i < COMMANDS; i++) {
        fprintf(stream, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    }
    fprintf(stream, "\ndavit COMMAND --help tells more; davit --version the version.\n"
                    "Exit codes: 0 done, 1 failed, 2 wrong usage.\n");
}

/* A full disk or a closed pipe must not look like success. */
static int finish(int exit_code)
{
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        fprintf(stderr, "davit: error: cannot write to standard output\n");
        exit_code = exit_code == CLI_DONE ? CLI_FAILED : exit_code;
    }
    if (cli_driver_stays()) { /* no exit handler may run under its threads */
        (void)fflush(NULL);
        _exit(exit_code);
    }
    return exit_code;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return finish(CLI_DONE);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("davit %s\n", davit_version());
        return finish(CLI_DONE);
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i]->name) == 0) {
            int exit_code;
            return cli_emulate_self(argc, argv, &exit_code)
                       ? exit_code
                       : finish(commands[i]->run(argc - 1, argv + 1));
        }
    }
    fprintf(stderr, "davit: error: unknown command '%s'; see davit --help\n", argv[1]);
    return CLI_USAGE;
}
