/* Predicted against measured times of a session: `davit bench --predict`. */
#ifndef DAVIT_CLI_PREDICT_H
#define DAVIT_CLI_PREDICT_H

#include <jansson.h>

#include "davit/cost.h"
#include "session.h"

/* Medians of measured runs, in seconds. */
typedef struct cli_measured {
    double total_s;
    double copies_s;
    double *unit_s; /* by unit */
} cli_measured;

typedef struct cli_prediction {
    double units_s, copies_s, submissions_s; /* which add up to the time of a run */
    size_t unit_count;
    davit_cost_estimate *units;
    double *unit_errors; /* |predicted / measured - 1|, by unit */
    double median_unit_error;
    size_t sources[DAVIT_COST_DATA_SHEET + 1]; /* how many units have which */
} cli_prediction;

/* Estimates each unit, copy and submission of the session from the profile store. Programs run one
 * after the other. Free with cli_prediction_clear. Reports. */
DAVIT_NODISCARD davit_status cli_predict(const cli_session *session, uint32_t threads,
                                         const cli_measured *measured, cli_prediction *out);
void cli_prediction_clear(cli_prediction *prediction);

/* Prints a table of units (when all is set) and the sums. */
davit_status cli_prediction_print(const cli_session *session, const cli_prediction *prediction,
                                  const cli_measured *measured, bool all);
/* NULL when memory is short. */
json_t *cli_prediction_json(const cli_session *session, const cli_prediction *prediction,
                            const cli_measured *measured);

#endif
