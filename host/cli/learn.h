/* What runs showed goes into the profile store. */
#ifndef DAVIT_CLI_LEARN_H
#define DAVIT_CLI_LEARN_H

#include "runs.h"

/* By the rule of davit_measure_learn, unless --no-learn forbids it: from runs one after the other,
 * in which no device failed. A store that cannot be used is no failure of the run. */
void cli_learn(const cli_session *session, const cli_arguments *arguments, const cli_runs *runs);

#define CLI_LEARN_OPTION                                                                           \
    {                                                                                              \
        "no-learn", 0, NULL,                                                                       \
            "leave the times of units in the profile store as they are; else 11 runs and more, "   \
            "one after the other on real devices, change those that two calls find to be others"   \
    }

#endif
