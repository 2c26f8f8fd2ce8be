/* SPDX-License-Identifier: GPL-2.0-only */
/* The sub-commands, one cmd_*.c each. */
#ifndef TMEMCTL_CMD_H
#define TMEMCTL_CMD_H

/*
 * A sub-command gets its own arguments, with argv[0] "tmemctl NAME", and
 * returns the exit status.
 */
int cmd_replay(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_arenas(int argc, char **argv);
int cmd_watch(int argc, char **argv);
int cmd_pool(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
int cmd_leaks(int argc, char **argv);
int cmd_hotspots(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif /* TMEMCTL_CMD_H */
