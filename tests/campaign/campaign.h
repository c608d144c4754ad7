/* SPDX-License-Identifier: MIT */
/* What the killer and the programs that it runs have agreed on. */
#ifndef BROOD_TESTS_CAMPAIGN_H
#define BROOD_TESTS_CAMPAIGN_H

/* A program closes this descriptor, which there is not, where its points begin: what comes before is the loader's. */
#define CAMPAIGN_MARK (-12345)

/* The role whose process is to be killed, in the program's environment: "host", "nursery" or "worker". */
#define CAMPAIGN_VICTIM "CAMPAIGN_VICTIM"

/* How a program ends: every record is right, or every one is and a kill can be told from some, or a line says what is wrong. */
enum { CAMPAIGN_RIGHT, CAMPAIGN_WRONG, CAMPAIGN_HIT };

#endif
