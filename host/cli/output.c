/* Files that commands write. */
#include <errno.h>
#include <string.h>

#include "cli.h"

int cli_write_file(const davit_diagnostics *diag, const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    bool written = file != NULL && fputs(text, file) >= 0;
    written = (file == NULL || fclose(file) == 0) && written;
    if (!written) {
        (void)davit_fail(diag, DAVIT_IO_ERROR, "%s: cannot be written: %s", path, strerror(errno));
        return CLI_FAILED;
    }
    return CLI_DONE;
}
