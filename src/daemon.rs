//! The loops: poll, tell, mail. Shutdown, readiness, watchdog, reload.
