/* davit emulate: a program in the environment of emulated FPGA boards; and davit itself, when it is
 * asked for one. */
#include "emulate.h"

#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <davit/board_emulation.h>
#include <davit/read_file.h>

static const cli_option options[] = {
    {"boards", 'n', "N", "how many boards there are (default 1)"},
    {"rtl", 0, NULL, "gemm_s8 from its RTL (Verilator) instead of C simulation; slow"},
    {"faults", 0, "FAULTS", "what the boards do wrong, as hang@7 or 1:lost@3,slow@50"},
    {"verbose", 'v', NULL, "tell decisions on stderr; twice: details"},
    {"help", 'h', NULL, "show this help"},
    {NULL, 0, NULL, NULL},
};

/* Ends this process as the program ended. */
static int end_like(int exit_code, int number)
{
    if (number != 0) {
        (void)signal(number, SIG_DFL);
        (void)raise(number);
    }
    return exit_code;
}

static int run_emulated(const davit_board_emulation_options *chosen, char **argv,
                        davit_severity level)
{
    int exit_code, number;
    const davit_status status = davit_board_emulation_run(
        chosen, argv, davit_diagnostics_stderr(level), &exit_code, &number);
    return status == DAVIT_OK ? end_like(exit_code, number) : CLI_FAILED;
}

static int emulate(int argc, char **argv)
{
    cli_arguments arguments;
    int exit_code;
    if (!cli_parse(&cli_emulate, argc, argv, &arguments, &exit_code)) {
        return exit_code;
    }
    if (arguments.positional.count == 0) {
        exit_code = cli_usage_error(&cli_emulate, "no program is given");
    } else {
        const davit_board_emulation_options chosen = {
            .boards = arguments.boards > 0 ? (unsigned)arguments.boards : 1,
            .rtl = arguments.rtl,
            .faults = arguments.faults,
        };
        /* The program and its arguments are the last words of argv, and NULL follows them. */
        exit_code =
            run_emulated(&chosen, argv + argc - arguments.positional.count, arguments.level);
    }
    cli_arguments_clear(&arguments);
    return exit_code;
}

const cli_command cli_emulate = {
    .name = "emulate",
    .arguments = "[--boards N] [--rtl] [--faults FAULTS] -- PROGRAM [ARGUMENTS]",
    .summary = "Runs a program that uses XRT on emulated FPGA boards.",
    .details = "Commands of davit that name fpga:emu do this by themselves. Everything of the\n"
               "emulation ends with the program, and its exit code or signal is davit's.\n\n"
               "FAULTS is a list of [BOARD:]KIND@N, or KIND@N+M for again at every Mth:\n"
               "  hang@7     the 7th kernel start of the board never ends\n"
               "  error@7    the 7th kernel start ends at once and writes nothing\n"
               "  lost@7     the board's process ends at the 7th kernel start\n"
               "  mute@7     from the 7th kernel start on the board answers nothing\n"
               "  corrupt@3  the 3rd copy from the board has one bit wrong\n"
               "  slow@50    copies take their time: 50 MB/s\n"
               "  refuse@2   the 2nd load of a bitstream fails\n"
               "  random@5   hang, lost, mute or refuse, drawn from seed 5\n",
    .options = options,
    .run = emulate,
};

/* ---- davit itself ---- */

/* The number of boards that a list of devices needs: one more than the highest index of a
 * fpga:emu[:N] in it; a '=' may stand before a device (--pin NAME=DEVICE). */
static unsigned boards_of(const char *text)
{
    static const char kind[] = "fpga:emu";
    unsigned boards = 0;
    for (const char *at = text; (at = strstr(at, kind)) != NULL;) {
        const bool begins = at == text || at[-1] == ',' || at[-1] == '=' || at[-1] == '"';
        at += strlen(kind);
        unsigned long index = 0;
        if (*at == ':' && isdigit((unsigned char)at[1])) {
            char *end;
            index = strtoul(at + 1, &end, 10);
            at = end;
        }
        if (begins && (*at == '\0' || *at == ',' || *at == '"') &&
            index < DAVIT_BOARD_EMULATION_MAX_BOARDS && index + 1 > boards) {
            boards = (unsigned)index + 1;
        }
    }
    return boards;
}

/* A plan names its devices too. What is wrong with the file is for the command to tell. */
static unsigned boards_of_plan(const char *path)
{
    enum { MAX_PLAN = 256 << 20 };
    char *text;
    if (davit_read_file(davit_allocator_default(), path, MAX_PLAN, NULL, &text, NULL) != DAVIT_OK) {
        return 0;
    }
    const unsigned boards = boards_of(text);
    davit_free(davit_allocator_default(), text);
    return boards;
}

/* The value of an option that names devices: *value is set when word is one, to the text after its
 * '=' or letter, or to "" when the value is the next word. Long names may be shortened. */
static bool device_option(const char *word, const char **value, bool *is_plan)
{
    static const char *const names[] = {"devices", "device", "pin", "plan"};
    *is_plan = false;
    if (word[0] == '-' && word[1] == 'd') {
        *value = word + 2;
        return true;
    }
    if (strncmp(word, "--", 2) != 0 || word[2] == '\0') {
        return false;
    }
    const size_t length = strcspn(word + 2, "=");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (length > 1 && strncmp(word + 2, names[i], length) == 0) {
            *value = word[2 + length] == '=' ? word + 3 + length : "";
            *is_plan = strcmp(names[i], "plan") == 0;
            return true;
        }
    }
    return false;
}

unsigned cli_boards_wanted(int argc, char **argv)
{
    unsigned boards = 0;
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *value;
        bool is_plan;
        if (!device_option(argv[i], &value, &is_plan)) {
            continue;
        }
        if (*value == '\0' && i + 1 < argc) {
            value = argv[++i];
        }
        const unsigned more = is_plan ? boards_of_plan(value) : boards_of(value);
        boards = more > boards ? more : boards;
    }
    return boards;
}

bool cli_emulate_self(int argc, char **argv, int *exit_code)
{
    const unsigned boards = cli_boards_wanted(argc, argv);
    davit_board_environment environment;
    davit_board_environment_get(&environment);
    if (boards == 0 || environment.emulated || strcmp(argv[1], cli_emulate.name) == 0) {
        return false;
    }
    char **again = calloc((size_t)argc + 1, sizeof(*again));
    if (again == NULL) {
        fprintf(stderr, "davit: error: out of memory\n");
        *exit_code = CLI_FAILED;
        return true;
    }
    memcpy(again, argv, (size_t)argc * sizeof(*again));
    again[0] = "/proc/self/exe";
    const davit_board_emulation_options chosen = {.boards = boards};
    *exit_code = run_emulated(&chosen, again, DAVIT_WARNING);
    free(again);
    return true;
}
