/* davit bitstream: the bitstreams that are there, whether they are what their manifest says, and
 * how to make them. */
#include <string.h>
#include <unistd.h>

#include "bitstream_build.h"
#include "cli.h"
#include "json.h"

#include <davit/bitstreams.h>

static const cli_option options[] = {
    {"folder", 0, "DIR", "the folder of a manifest.json, instead of the usual ones"},
    {"tree", 0, "BUILD", "build: the CMake build folder (default: where this davit was built)"},
    CLI_COMMON_OPTIONS,
};

/* A folder's manifest, or that there is none. */
typedef struct listed {
    davit_arena arena;
    size_t count;
    davit_manifest manifests[DAVIT_BITSTREAM_FOLDERS];
} listed;

static bool has_manifest(const char *folder)
{
    char path[DAVIT_BITSTREAM_PATH_BYTES + 32];
    (void)snprintf(path, sizeof(path), "%s/" DAVIT_MANIFEST_FILE, folder);
    return access(path, F_OK) == 0;
}

static davit_status read_manifests(const cli_arguments *arguments, const davit_diagnostics *diag,
                                   listed *out)
{
    char folders[DAVIT_BITSTREAM_FOLDERS][DAVIT_BITSTREAM_PATH_BYTES];
    *out = (listed){0};
    davit_arena_init(&out->arena, davit_allocator_default());
    if (arguments->folder != NULL) {
        out->count = 1;
        return davit_manifest_read(&out->arena, arguments->folder, diag, &out->manifests[0]);
    }
    size_t count = davit_bitstream_folders(folders);
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < count; i++) {
        if (has_manifest(folders[i])) {
            status =
                davit_manifest_read(&out->arena, folders[i], diag, &out->manifests[out->count++]);
        }
    }
    return status;
}

static json_t *entry_json(const davit_manifest *manifest, const davit_bitstream *b)
{
    json_t *kernels = json_array();
    for (size_t i = 0; i < b->kernel_count; i++) {
        json_array_append_new(kernels,
                              json_pack("{s:s, s:I}", "name", b->kernels[i].name, "compute_units",
                                        (json_int_t)b->kernels[i].compute_units));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:I, s:I, s:[I,I,I], s:o, s:s}", "name",
                     b->name, "folder", manifest->folder, "file", b->file, "platform", b->platform,
                     "emulation", b->emulation, "sha256", b->sha256, "abi_version",
                     (json_int_t)b->abi_version, "clock_mhz", (json_int_t)b->clock_mhz, "array",
                     (json_int_t)b->rows, (json_int_t)b->columns, (json_int_t)b->depth, "kernels",
                     kernels, "source_commit", b->source_commit);
}

/* ---- list ---- */

static int list(const cli_arguments *arguments, const listed *all)
{
    json_t *entries = json_array();
    size_t count = 0;
    for (size_t m = 0; m < all->count; m++) {
        const davit_manifest *manifest = &all->manifests[m];
        for (size_t i = 0; i < manifest->count; i++, count++) {
            const davit_bitstream *b = &manifest->bitstreams[i];
            if (arguments->json) {
                json_array_append_new(entries, entry_json(manifest, b));
                continue;
            }
            printf("%-12s %s/%s\n", b->name, manifest->folder, b->file);
            printf("%-12s for %s%s, ABI %u, array %ux%ux%u at %u MHz", "", b->platform,
                   b->emulation ? " (emulated)" : "", b->abi_version, b->rows, b->columns, b->depth,
                   b->clock_mhz);
            for (size_t k = 0; k < b->kernel_count; k++) {
                printf(", %u %s", b->kernels[k].compute_units, b->kernels[k].name);
            }
            printf("\n");
        }
    }
    if (arguments->json) {
        return cli_print_json(
            json_pack("{s:i, s:o}", "schema_version", CLI_SCHEMA_VERSION, "bitstreams", entries));
    }
    json_decref(entries);
    if (count == 0) {
        printf("no bitstreams; davit bitstream build makes one where Vitis is\n");
    }
    return CLI_DONE;
}

/* ---- verify ---- */

/* As for a board that has the shell that the entry names. */
static bool verify_one(const davit_manifest *manifest, const davit_bitstream *b,
                       const davit_diagnostics *diag)
{
    davit_bitstream_image image;
    davit_bitstream_target target = {.platform = b->platform, .emulation = b->emulation};
    if (davit_bitstream_load(davit_allocator_default(), manifest, b, &target, diag, &image) !=
        DAVIT_OK) {
        return false;
    }
    davit_bitstream_unload(&image);
    return true;
}

static bool is_named(const cli_arguments *arguments, const char *name)
{
    bool named = arguments->positional.count == 1;
    for (size_t i = 1; i < arguments->positional.count; i++) {
        named = named || strcmp(arguments->positional.items[i], name) == 0;
    }
    return named;
}

static int verify(const cli_arguments *arguments, const listed *all, const davit_diagnostics *diag)
{
    json_t *entries = json_array();
    size_t good = 0, count = 0;
    for (size_t m = 0; m < all->count; m++) {
        for (size_t i = 0; i < all->manifests[m].count; i++) {
            const davit_bitstream *b = &all->manifests[m].bitstreams[i];
            if (!is_named(arguments, b->name)) {
                continue;
            }
            bool fine = verify_one(&all->manifests[m], b, diag);
            count++;
            good += fine;
            json_array_append_new(entries, json_pack("{s:s, s:s, s:b}", "name", b->name, "folder",
                                                     all->manifests[m].folder, "ok", fine));
            if (!arguments->json && fine) {
                printf("%s: as its manifest says\n", b->name);
            }
        }
    }
    int exit_code = good == count ? CLI_DONE : CLI_FAILED;
    if (arguments->positional.count > 1 && count == 0) {
        (void)davit_fail(diag, DAVIT_NOT_FOUND, "no bitstream of that name; davit bitstream list");
        exit_code = CLI_FAILED;
    }
    if (arguments->json) {
        (void)cli_print_json(
            json_pack("{s:i, s:o}", "schema_version", CLI_SCHEMA_VERSION, "bitstreams", entries));
        return exit_code;
    }
    json_decref(entries);
    if (exit_code == CLI_DONE) {
        printf("%zu of %zu verified\n", good, count);
    }
    return exit_code;
}

/* ---- the command ---- */

static int bitstream(int argc, char **argv)
{
    cli_arguments arguments;
    listed all;
    int exit_code;
    if (!cli_parse(&cli_bitstream, argc, argv, &arguments, &exit_code)) {
        return exit_code;
    }
    const davit_diagnostics *diag = davit_diagnostics_stderr(arguments.level);
    const char *verb = arguments.positional.count > 0 ? arguments.positional.items[0] : "";
    if (strcmp(verb, "build") == 0) {
        exit_code =
            arguments.positional.count == 2
                ? cli_bitstream_build(&arguments, diag)
                : cli_usage_error(&cli_bitstream, "build: one card is expected: u250, u280, "
                                                  "u55c or azure-np");
    } else if (strcmp(verb, "list") == 0 || strcmp(verb, "verify") == 0) {
        exit_code = CLI_FAILED;
        if (read_manifests(&arguments, diag, &all) == DAVIT_OK) {
            exit_code = verb[0] == 'l' ? list(&arguments, &all) : verify(&arguments, &all, diag);
        }
        davit_arena_clear(&all.arena);
    } else {
        exit_code = cli_usage_error(&cli_bitstream, "list, verify or build is expected");
    }
    cli_arguments_clear(&arguments);
    return exit_code;
}

const cli_command cli_bitstream = {
    .name = "bitstream",
    .arguments = "list | verify [NAME...] | build CARD",
    .summary = "list, verify and build bitstreams for FPGA cards",
    .details =
        "Bitstreams are looked for in $XDG_DATA_HOME/davit/bitstreams (else\n"
        "~/.local/share/davit/bitstreams), then in the installation. verify reads each file\n"
        "and says whether it is what its manifest.json says. build makes the bitstream of a\n"
        "card with Vitis (CARD: u250, u280, u55c, azure-np) and adds it to the first folder.\n",
    .options = options,
    .run = bitstream,
};
