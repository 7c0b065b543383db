"""Made by generate.sh from src/vedette/broker/broker.proto; not to be edited."""
