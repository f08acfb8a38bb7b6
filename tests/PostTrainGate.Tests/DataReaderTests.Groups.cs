using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using Xunit;

namespace PostTrainGate.Tests;

public sealed partial class DataReaderTests
{
    [Fact]
    public void What_is_wrong_with_each_group_is_reported_at_once()
    {
        Copy(People, "people.csv");
        var wrong = Assert.Throws<GateException>(() =>
            DataReader.Read(
                Policy("people.csv", "credit") with
                {
                    Groups =
                    [
                        new()
                        {
                            Name = "a",
                            Column = "sex",
                            Privileged = "mail",
                        },
                        new() { Name = "right", Column = "sex" },
                        new() { Name = "b", Column = "gender" },
                        new() { Name = "c", Where = "age >" },
                        new()
                        {
                            Name = "d",
                            Column = "sex",
                            Dependent = ["spouse"],
                        },
                    ],
                }
            )
        );
        Assert.Equal(
            [
                DiagnosticCodes.DataEmpty,
                DiagnosticCodes.DataColumn,
                DiagnosticCodes.DataCondition,
                DiagnosticCodes.DataColumn,
            ],
            wrong.Diagnostics.Select(d => d.Code)
        );
    }

    [Fact]
    public void Groups_by_column_condition_and_crossing_agree_with_SQL()
    {
        Copy(People, "people.csv");
        using var splits = DataReader.Read(
            Policy("people.csv", "credit") with
            {
                Groups =
                [
                    new() { Name = "sex_age", Cross = ["sex", "age"] },
                    new()
                    {
                        Name = "sex",
                        Column = "sex",
                        Privileged = "male",
                    },
                    new() { Name = "age", Where = "\"AGE\" >= 25 AND housing <> 'income' -- adults" },
                ],
            }
        );
        var groups = splits.Test.Groups;
        Assert.Equal(["female", "male"], groups["sex"].Levels);
        Assert.Equal(1, groups["sex"].Privileged);
        Assert.Equal(["sex"], groups["sex"].SourceColumns);
        Assert.Equal(["false", "true"], groups["age"].Levels);
        Assert.Equal(["age", "housing"], groups["age"].SourceColumns);
        Assert.Equal(
            ["female × age=false", "female × age=true", "male × age=false", "male × age=true"],
            groups["sex_age"].Levels
        );
        Assert.Equal(["sex", "age", "housing"], groups["sex_age"].SourceColumns);
        Assert.Null(groups["sex_age"].Privileged);
        var sets = new[] { splits.Repair, splits.Select, splits.Test };
        Assert.Equal(
            Number($"SELECT count(*) FROM ({People}) WHERE age >= 25"),
            sets.Sum(s => s.Groups["age"].LevelOf.Count(l => l == 1))
        );
        Assert.Equal(
            Number($"SELECT count(*) FROM ({People}) WHERE age < 25 AND sex = 'male'"),
            sets.Sum(s => s.Groups["sex_age"].LevelOf.Count(l => l == 2))
        );
        // Stratified: the share of each cell of label and groups in the test split is that of the whole, to two rows.
        var cells = splits
            .Test.LabelValues.Zip(groups["sex_age"].LevelOf)
            .GroupBy(c => c)
            .ToDictionary(c => c.Key, c => c.Count());
        foreach (var ((label, level), count) in cells)
        {
            var whole = sets.Sum(s => s.LabelValues.Zip(s.Groups["sex_age"].LevelOf).Count(c => c == (label, level)));
            Assert.InRange(count, 0.3 * whole - 2, 0.3 * whole + 2);
        }
    }

    [Fact]
    public void A_column_of_numbers_is_cut_into_bins_that_take_their_lower_ends()
    {
        Copy(People, "people.csv");
        GroupPolicy age = new()
        {
            Name = "age",
            Column = "age",
            Bins = [25, 45.5],
            Privileged = "from 45.5",
            MinCount = 30,
        };
        using var splits = DataReader.Read(Policy("people.csv", "credit") with { Groups = [age] });
        var group = splits.Test.Groups["age"];
        Assert.Equal(["below 25", "25 to below 45.5", "from 45.5"], group.Levels);
        Assert.Equal((2, 30), (group.Privileged, group.MinCount));
        EvaluationSet[] sets = [splits.Repair, splits.Select, splits.Test];
        Assert.Equal(
            Number($"SELECT count(*) FROM ({People}) WHERE age >= 25 AND age < 45.5"),
            sets.Sum(s => s.Groups["age"].LevelOf.Count(l => l == 1))
        );
        var thrown = Assert.Throws<GateException>(() =>
            DataReader.Read(Policy("people.csv", "credit") with { Groups = [age with { Column = "sex" }] })
        );
        Assert.Contains("not numeric", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_group_of_a_thousand_values_is_refused_with_what_would_do()
    {
        Copy("SELECT i AS id, i % 2 AS y FROM range(1000) t(i)", "ids.csv");
        var thrown = Assert.Throws<GateException>(() =>
            DataReader.Read(Policy("ids.csv", "y") with { Groups = [new() { Name = "id", Column = "id" }] })
        );
        Assert.Matches(
            "a level for each of about 1?[0-9]{3} values of 'id', more than 500; cut them with 'bins', such as "
                + @"'bins: \[33[0-9], 66[0-9]\]'",
            thrown.Message
        );
    }

    // The numbers 18 to 77: a third of the 60 is below 38, two thirds are below 58.
    [Theory]
    [InlineData(
        "age",
        null,
        0,
        "Each of the 60 numbers in 'age' is a level of the group 'g', with few rows; cut them with 'bins', such as 'bins: [38, 58]'."
    )]
    [InlineData("age", "30", 0, "")]
    [InlineData("age", null, 40, "")]
    [InlineData("housing", null, 0, "")]
    public void Numbers_each_of_which_is_a_group_are_told(string column, string? privileged, int bin, string says)
    {
        Copy(People, "people.csv");
        GroupPolicy group = new()
        {
            Name = "g",
            Column = column,
            Privileged = privileged,
            Bins = bin > 0 ? [bin] : [],
        };
        using var splits = DataReader.Read(Policy("people.csv", "credit") with { Groups = [group] });
        Assert.Equal(says, string.Join('\n', splits.Diagnostics.Select(d => d.Message)));
        Copy($"SELECT *, credit AS guess FROM ({People})", "guessed.csv");
        var guessed = Policy("guessed.csv", "credit") with { Groups = [group] };
        guessed = guessed with { Data = guessed.Data with { Prediction = "guess" } };
        var counts = PredictionReader.Read(guessed, new HashSet<string>());
        Assert.Equal(says, string.Join('\n', counts.Diagnostics.Select(d => d.Message)));
    }

    [Theory]
    [InlineData("age >=", "syntax error")]
    [InlineData("aeg >= 25", "aeg")]
    [InlineData("housing", "housing")]
    [InlineData("true; DROP TABLE source", "SELECT")]
    [InlineData("true) FROM source --", "syntax error")]
    [InlineData("true FROM range(3)", "a single condition")]
    [InlineData("true AS x", "a single condition")]
    [InlineData("true, false", "a single condition")]
    [InlineData("true WHERE true", "a single condition")]
    [InlineData("true LIMIT 1", "a single condition")]
    [InlineData("age > (SELECT avg(age) FROM source)", "a single row")]
    [InlineData("age IN (SELECT column0 FROM read_csv('/etc/passwd'))", "a single row")]
    [InlineData("COLUMNS(*) IS NOT NULL", "a single row")]
    [InlineData("count(*) > 3", "each row")]
    public void A_condition_that_is_not_one_is_refused_at_its_place(string condition, string says)
    {
        Copy(People, "people.csv");
        var position = new SourcePosition("posttraingate.yml", 12, 5);
        var thrown = Assert.Throws<GateException>(() =>
            DataReader.Read(
                Policy("people.csv", "credit") with
                {
                    Groups =
                    [
                        new()
                        {
                            Name = "g",
                            Where = condition,
                            Position = position,
                        },
                    ],
                }
            )
        );
        Assert.Equal(DiagnosticCodes.DataCondition, thrown.Diagnostics[0].Code);
        Assert.Equal(position, thrown.Diagnostics[0].Position);
        Assert.Contains(says, thrown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sexx", null, DiagnosticCodes.DataColumn, "did you mean 'sex'?")]
    [InlineData("sex", "Male", DiagnosticCodes.DataEmpty, "did you mean 'male'?")]
    public void A_group_that_the_data_cannot_give_is_refused_with_the_nearest_name(
        string column,
        string? privileged,
        string code,
        string says
    )
    {
        Copy(People, "people.csv");
        var thrown = Assert.Throws<GateException>(() =>
            DataReader.Read(
                Policy("people.csv", "credit") with
                {
                    Groups =
                    [
                        new()
                        {
                            Name = "g",
                            Column = column,
                            Privileged = privileged,
                        },
                    ],
                }
            )
        );
        Assert.Equal(code, thrown.Diagnostics[0].Code);
        Assert.Contains(says, thrown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("age > 10", "unprivileged")]
    [InlineData("age > 100", "no privileged")]
    [InlineData("NULL", "every value is missing")]
    public void A_group_with_an_empty_side_is_refused(string condition, string says)
    {
        Copy(People, "people.csv");
        var thrown = Assert.Throws<GateException>(() =>
            DataReader.Read(Policy("people.csv", "credit") with { Groups = [new() { Name = "g", Where = condition }] })
        );
        Assert.Equal(DiagnosticCodes.DataEmpty, thrown.Diagnostics[0].Code);
        Assert.Contains(says, thrown.Message, StringComparison.Ordinal);
    }
}
