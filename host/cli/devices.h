/* What the files of `davit devices` share. */
#ifndef DAVIT_CLI_DEVICES_H
#define DAVIT_CLI_DEVICES_H

#include "cli.h"
#include "davit/inventory.h"

typedef struct cli_machine {
    const davit_topology *topology; /* NULL: unknown */
    const davit_context *context;   /* NULL: a recorded machine */
    davit_inventory_entry *pci;     /* by device on PCI */
} cli_machine;

/* Prints the devices on PCI, why some cannot be used, and the routes between them. details adds a
 * line for each device. */
void cli_print_pci(const cli_machine *machine, bool details);

/* "24 GiB", "-" for 0. Returns text. */
char *cli_size_text(uint64_t bytes, char *text, size_t text_bytes);

/* Prints the machine as JSON. Returns an exit code. */
int cli_print_machine_json(const cli_machine *machine);

#endif
