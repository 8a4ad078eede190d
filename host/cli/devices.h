/* What the files of `davit devices` share. */
#ifndef DAVIT_CLI_DEVICES_H
#define DAVIT_CLI_DEVICES_H

#include <jansson.h>

#include "cli.h"
#include "davit/inventory.h"

typedef struct cli_machine {
    const davit_topology *topology; /* NULL: unknown */
    const davit_context *context;   /* NULL: a recorded machine */
    davit_inventory_entry *pci;     /* by device on PCI */
    const char *profiles;           /* folder of profiles to list too; NULL: none */
    const davit_diagnostics *diag;
} cli_machine;

/* Prints the devices on PCI, why some cannot be used, and the routes between them. details adds a
 * line for each device. */
void cli_print_pci(const cli_machine *machine, bool details);

/* "24 GiB", "-" for 0. Returns text. */
char *cli_size_text(uint64_t bytes, char *text, size_t text_bytes);

/* Lists the profiles of a folder and those that are shipped; a damaged one is told beside its name.
 * Reports a folder that cannot be read. */
DAVIT_NODISCARD davit_status cli_print_profiles(const char *folder, const davit_diagnostics *diag);
/* The same as a JSON array; NULL after a report. */
json_t *cli_profiles_json(const char *folder, const davit_diagnostics *diag);

/* Prints the machine as JSON. Returns an exit code. */
int cli_print_machine_json(const cli_machine *machine);

#endif
