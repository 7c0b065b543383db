#include "vedette/cli/table.h"

#include <gtest/gtest.h>

#include "vedette/cli/quantities.h"

namespace vedette::cli {
namespace {

TEST(Table, aligns_columns_and_leaves_no_blanks_at_the_end) {
  Table table({{"NAME"}, {"FPS", true}, {"USERS"}});
  table.add({{"yard"}, {"14.9"}, {"people,roi"}});
  table.add({{"eingang-süd"}, {"5.0"}, {""}});
  EXPECT_EQ(table.text(Paint(false)),
            "NAME          FPS  USERS\n"
            "yard         14.9  people,roi\n"
            "eingang-süd   5.0  -\n");
}

TEST(Table, colours_do_not_move_columns) {
  Table table({{"STATE"}, {"NODE"}});
  table.add({{"ready", Colour::kGreen}, {"box-1"}});
  EXPECT_EQ(table.text(Paint(true)),
            "\x1b[1mSTATE\x1b[0m  \x1b[1mNODE\x1b[0m\n"
            "\x1b[32mready\x1b[0m  box-1\n");
}

TEST(Table, what_came_from_elsewhere_moves_no_cursor) {
  Table table({{"NAME"}});
  table.add({{"a\x1b[2Jb\nc"}});
  EXPECT_EQ(table.text(Paint(false)), "NAME\na [2Jb c\n");
}

TEST(Quantities, have_three_digits_and_a_unit) {
  EXPECT_EQ(milliseconds_text(0), "");
  EXPECT_EQ(milliseconds_text(0.00082), "0.82 ms");
  EXPECT_EQ(milliseconds_text(0.0712), "71.2 ms");
  EXPECT_EQ(milliseconds_text(1.234), "1.23 s");
  EXPECT_EQ(bytes_text(812), "812 B");
  EXPECT_EQ(bytes_per_second_text(4.1e6), "4.10 MB/s");
  EXPECT_EQ(bytes_per_second_text(0), "");
  EXPECT_EQ(count_text(99'999), "99999");
  EXPECT_EQ(count_text(1'240'000), "1.24M");
  EXPECT_EQ(rate_text(0), "");
}

TEST(Quantities, an_age_is_never_negative) {
  EXPECT_EQ(age_text(1005, 1000), "now");
  EXPECT_EQ(age_text(0, 1000), "") << "never";
  EXPECT_EQ(age_text(1000, 1005), "5 s");
  EXPECT_EQ(age_text(1000, 1000 + 3 * 3600), "3 h");
}

TEST(Quantities, states_are_green_only_when_all_is_well) {
  EXPECT_EQ(state_cell("ready").colour, Colour::kGreen);
  EXPECT_EQ(state_cell("lost").colour, Colour::kRed);
  EXPECT_EQ(state_cell("some new word").colour, Colour::kYellow);
}

}  // namespace
}  // namespace vedette::cli
