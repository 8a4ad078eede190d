/* A plan as text: what it is predicted to take, its devices, its units, and why. */
#ifndef DAVIT_CLI_PLAN_TABLE_H
#define DAVIT_CLI_PLAN_TABLE_H

#include <davit/explain.h>
#include <davit/graphs.h>

/* Prints the objective, its bound, what each device does. */
void cli_plan_print_summary(const davit_session *session);

/* Prints for each unit what it costs on each device and what the plan would take if it were there;
 * then the simpler plans. */
void cli_plan_print_explanation(const davit_session *session,
                                const davit_plan_explanation *explanation);

#endif
