/* The functions of COIN-OR that cbc.c calls, of libraries that are opened at first use: with what
 * they need in turn they would take a third of the start of a program that places nothing with
 * them. */
#ifndef DAVIT_PLACE_COIN_H
#define DAVIT_PLACE_COIN_H

#include <Cbc_C_Interface.h>
#include <Clp_C_Interface.h>

#define DAVIT_PLACE_CLP_FUNCTIONS(F)                                                               \
    F(Clp_newModel)                                                                                \
    F(Clp_setLogLevel)                                                                             \
    F(Clp_loadProblem)                                                                             \
    F(Clp_setMaximumIterations)                                                                    \
    F(Clp_initialSolve) F(Clp_status) F(Clp_dualRowSolution) F(Clp_deleteModel)
#define DAVIT_PLACE_CBC_FUNCTIONS(F)                                                               \
    F(Cbc_newModel)                                                                                \
    F(Cbc_loadProblem)                                                                             \
    F(Cbc_setInteger)                                                                              \
    F(Cbc_setLogLevel)                                                                             \
    F(Cbc_setParameter)                                                                            \
    F(Cbc_solve)                                                                                   \
    F(Cbc_bestSolution)                                                                            \
    F(Cbc_status) F(Cbc_secondaryStatus) F(Cbc_getNodeCount) F(Cbc_deleteModel)

#define DAVIT_PLACE_COIN_MEMBER(name) __typeof__(name) *name;
typedef struct davit_place_coin {
    DAVIT_PLACE_CLP_FUNCTIONS(DAVIT_PLACE_COIN_MEMBER)
    DAVIT_PLACE_CBC_FUNCTIONS(DAVIT_PLACE_COIN_MEMBER)
} davit_place_coin;

/* NULL where a library or a function is missing. Safe from several threads; never unloaded. */
const davit_place_coin *davit_place_coin_get(void);

#endif
