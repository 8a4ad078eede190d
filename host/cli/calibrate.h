/* What `davit calibrate` shows of the profile store. */
#ifndef DAVIT_CLI_CALIBRATE_H
#define DAVIT_CLI_CALIBRATE_H

#include "davit/measure.h"

/* What was done, for the last lines of the command. */
typedef struct cli_calibrated {
    const davit_store *store;
    bool interrupted;
    size_t device_count;
    struct cli_calibrated_device {
        const char *name;
        char key[DAVIT_DEVICE_KEY_BYTES];
        size_t units;    /* measured now */
        size_t networks; /* measured now, models included */
        size_t choices;  /* kernels measured now, to choose between */
        size_t compared; /* different units of models whose kernels were compared now */
        size_t replaced; /* those that get another kernel than by rule */
    } * devices;
} cli_calibrated;

/* Prints the summary of a calibration; returns an exit code. */
int cli_calibrated_print(const cli_calibrated *done, bool json);

/* Prints everything that a store holds; returns an exit code. */
int cli_store_print(davit_store *store, bool json);

#endif
