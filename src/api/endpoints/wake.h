/* SPDX-License-Identifier: Apache-2.0 */
/* wake.h - tells the actuators of this machine to look at the store now (control.h). */
#ifndef API_WAKE_H
#define API_WAKE_H

/* Sends a datagram to every *.wake socket in `directory`. Never blocks. A missing socket or
 * directory is not an error, because a lost datagram delays work by one poll interval only. Returns
 * the number of actuators reached. */
int wake_actuators(const char *directory);

#endif
