/* SPDX-License-Identifier: Apache-2.0 */
/* wake.h - tells the actuators of this machine to look at the store now (control.h). */
#ifndef API_WAKE_H
#define API_WAKE_H

/* Sends a datagram to every *.wake socket in `directory`. Never blocks. A missing
 * socket or directory is no error: a lost datagram delays work by one poll interval. Returns how many were reached. */
int wake_actuators(const char *directory);

#endif
