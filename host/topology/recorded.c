/* Recorded topologies are read here, not by hwloc, which would not say what is wrong. */
#include <stdio.h>
#include <string.h>

#include "davit/read_file.h"
#include "state.h"

#define MAX_BYTES ((size_t)32 << 20) /* the largest machines make some megabytes */

enum { MAX_DEPTH = 200 }; /* hwloc's parser calls itself for each level */

/* The greatest depth of elements; more than limit is not looked for. Attribute values of hwloc hold
 * no bare '<'. */
static int nesting(const char *text, int limit)
{
    int depth = 0, greatest = 0;
    for (const char *c = strchr(text, '<'); c != NULL && greatest <= limit;
         c = strchr(c + 1, '<')) {
        if (c[1] == '/') {
            depth--;
        } else if (c[1] != '?' && c[1] != '!') {
            const char *end = strpbrk(c + 1, "<>");
            depth += end == NULL || *end != '>' || end[-1] != '/';
            greatest = depth > greatest ? depth : greatest;
        }
    }
    return greatest;
}

static davit_status check_text(const char *path, const char *text, size_t bytes,
                               const davit_diagnostics *diag)
{
    const char *root = strstr(text, "<topology");
    if (root == NULL || root - text > 4096 || strlen(text) != bytes) {
        return davit_fail(diag, DAVIT_BAD_DATA,
                          "%s: not an hwloc XML file (`lstopo FILE.xml` writes one)", path);
    }
    if (nesting(text, MAX_DEPTH) > MAX_DEPTH) {
        return davit_fail(diag, DAVIT_BAD_DATA,
                          "%s: elements are nested more than %d deep, which no machine needs", path,
                          MAX_DEPTH);
    }
    return DAVIT_OK;
}

davit_status davit_topology_read(const davit_allocator *allocator, const char *path,
                                 const davit_diagnostics *diag, char **text, size_t *bytes)
{
    davit_status status = davit_read_file(allocator, path, MAX_BYTES, diag, text, bytes);
    if (status == DAVIT_OK) {
        status = check_text(path, *text, *bytes, diag);
    }
    if (status != DAVIT_OK) {
        davit_free(allocator, *text);
        *text = NULL;
    }
    return status;
}

void davit_topology_warn_of_wide_domains(const char *path, const char *text,
                                         const davit_diagnostics *diag)
{
    static const char attribute[] = "pci_busid=\"";
    static const struct hwloc_pcidev_attr_s pci;
    for (const char *c = text; sizeof(pci.domain) < 4 && (c = strstr(c, attribute)) != NULL; c++) {
        if (strspn(c + strlen(attribute), "0123456789abcdefABCDEF") > 4) {
            davit_log(diag, DAVIT_WARNING,
                      "%s: devices in PCI domains of more than 16 bits are left out, which this "
                      "hwloc does not know",
                      path);
            return;
        }
    }
}

davit_status davit_topology_refuse(const char *path, const char *text,
                                   const davit_diagnostics *diag)
{
    unsigned major = 0, known = hwloc_get_api_version() >> 16;
    const char *root = strstr(text, "<topology");
    if (root != NULL && sscanf(root, "<topology version=\"%3u", &major) == 1 && major > known) {
        return davit_fail(diag, DAVIT_UNSUPPORTED,
                          "%s: a topology of format %u, but this hwloc reads up to format %u; "
                          "write it with `lstopo --export-xml-flags v2 FILE.xml`",
                          path, major, known);
    }
    if (strstr(text, "</topology>") == NULL) {
        return davit_fail(diag, DAVIT_BAD_DATA,
                          "%s: the topology is cut off: </topology> is missing", path);
    }
    return davit_fail(diag, DAVIT_BAD_DATA, "%s: hwloc cannot read this topology: it is damaged",
                      path);
}
