DROP TABLE app_device_guess;
DROP TABLE app_device;
