"""What is particular to MySQL and MariaDB."""
