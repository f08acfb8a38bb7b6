using System.IO.Compression;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;
using Xunit;

namespace PostTrainGate.Tests;

public sealed partial class DataReaderTests
{
    [Theory]
    [InlineData(
        "a,y\ns,p\n,q\n,p\nt,q\n",
        DiagnosticCodes.DataValue,
        "'a' is missing in 2 of 4 rows, first in t.csv, line 3"
    )]
    [InlineData(
        "a,y\n1,p\n2,\n3,q\n",
        DiagnosticCodes.DataValue,
        "'y' is missing in 1 of 3 rows, first in t.csv, line 3"
    )]
    [InlineData(
        "a,y\n1,p\ninf,q\n1,p\n1,q\n1,p\n1,q\n1,p\n1,q\n",
        DiagnosticCodes.DataValue,
        "'a' is infinite in 1 row, first in t.csv, line 3"
    )]
    [InlineData("a,y\n2020-01-01,p\n2020-01-02,q\n", DiagnosticCodes.DataValue, "type DATE")]
    [InlineData("a,y\n1,p\n2,p\n", DiagnosticCodes.DataEmpty, "only one value")]
    [InlineData("a,y\n", DiagnosticCodes.DataEmpty, "no rows")]
    [InlineData("", DiagnosticCodes.DataEmpty, "no rows")]
    [InlineData("a,Y\n1,p\n2,q\n", DiagnosticCodes.DataColumn, "did you mean 'Y'?")]
    [InlineData(
        "\"a\nb\",c,y\r\n1,2,p\r\n2,3,q\r\n3,4,p\r\n",
        DiagnosticCodes.DataUnreadable,
        "the header in line 1 has a column name of several lines"
    )]
    [InlineData("y\n1\n2\n", DiagnosticCodes.DataColumn, "No input columns are left")]
    [InlineData(
        "a,y\n1,2,3\n1,2\n1\n",
        DiagnosticCodes.DataUnreadable,
        "line 2 has 3 values, but the header in line 1 has 2"
    )]
    public void A_table_that_cannot_be_used_says_what_is_wrong(string csv, string code, string says)
    {
        File.WriteAllText(Path.Combine(_folder, "t.csv"), csv);
        var thrown = Assert.Throws<GateException>(() => DataReader.Read(Policy("t.csv", "y")));
        Assert.Equal(code, thrown.Diagnostics[0].Code);
        Assert.Contains(says, thrown.Message, StringComparison.Ordinal);
    }

    // DuckDB calls the second column age_1 or column1, whatever the format, and says nothing.
    [Theory]
    [InlineData("age,b,age,y", "'t.csv' has two columns 'age': columns 1 and 3 of line 1; rename or remove one.")]
    [InlineData("age;\"b;c\";age;y", "has two columns 'age': columns 1 and 3 of line 1")]
    [InlineData("\uFEFFage\tb\tage\ty", "has two columns 'age': columns 1 and 3 of line 1")]
    [InlineData("age,b,Age,y", "has the columns 'age' and 'Age', whose names differ by case or blanks only: columns 1")]
    [InlineData(
        "age,b, age ,y",
        "has the columns 'age' and ' age ', whose names differ by case or blanks only: columns 1"
    )]
    [InlineData("age,b,\"\"\"b\"\"\",y", "")]
    [InlineData("age,b,age_1,y", "")]
    [InlineData("age,,b,y", "has no name, column 2 of line 1, and is called 'column1' here")]
    [InlineData("age,b,\"  \",y", "has no name, column 3 of line 1, and is called 'column2' here")]
    public void A_header_that_names_no_column_or_one_twice_is_not_taken_silently(string header, string says)
    {
        var delimiter =
            header.Contains(';') ? ";"
            : header.Contains('\t') ? "\t"
            : ",";
        var rows = Enumerable.Range(0, 50).Select(i => string.Join(delimiter, [i, i * 3 % 7, i * 5 % 9, i % 2]));
        var table = $"{header}\n{string.Join('\n', rows)}\n";
        File.WriteAllText(Path.Combine(_folder, "t.csv"), table);
        using (var zip = new GZipStream(File.Create(Path.Combine(_folder, "t.csv.gz")), CompressionLevel.Fastest))
            zip.Write(System.Text.Encoding.UTF8.GetBytes(table));
        Assert.Contains(says, Told("t.csv"), StringComparison.Ordinal);
        Assert.Contains(
            says.Replace("t.csv", "t.csv.gz", StringComparison.Ordinal),
            Told("t.csv.gz"),
            StringComparison.Ordinal
        );
        Assert.Equal(says.Length == 0, Told("t.csv").Length == 0);
    }

    [Fact]
    public void Names_that_are_alike_are_found_in_every_format_and_file()
    {
        string[] lines = ["{\"age\":1,\"y\":0}", "{\"age\":2,\"y\":1,\"Age\":3}"];
        File.WriteAllLines(Path.Combine(_folder, "t.ndjson"), lines);
        Assert.Contains(
            "'t.ndjson' has the columns 'Age' and 'age', whose names",
            Told("t.ndjson"),
            StringComparison.Ordinal
        );
        lines = ["{\"age\":1,\"age_1\":0,\"y\":0}", "{\"age\":2,\"age_1\":5,\"y\":1}"];
        File.WriteAllLines(Path.Combine(_folder, "right.ndjson"), [.. Enumerable.Repeat(lines, 20).SelectMany(l => l)]);
        Assert.Empty(Told("right.ndjson"));
        Copy("SELECT i AS age, {'age': i, 'x': i} AS parts, i % 2 AS y, i AS ' AGE' FROM range(50) t(i)", "t.parquet");
        Assert.Contains(
            "'age' and ' AGE', whose names differ by case or blanks only: columns 1 and 4;",
            Told("t.parquet"),
            StringComparison.Ordinal
        );
        Copy(
            "SELECT * FROM (VALUES ('age', 'age', 'y'), ('1', '1', '0'), ('2', '2', '1'))",
            "t.csv.zst",
            " (HEADER false, COMPRESSION zstd)"
        );
        Assert.Contains("has two columns 'age': columns 1 and 2; ", Told("t.csv.zst"), StringComparison.Ordinal);
        // Of several files the first one names the columns; in the others a second one of a name was left out.
        File.WriteAllText(Path.Combine(_folder, "a.csv"), "age,y\n1,0\n2,1\n");
        File.WriteAllText(Path.Combine(_folder, "b.csv"), "age,age,y\n1,1,0\n2,2,1\n");
        var several = Both();
        var wrong = Assert.Throws<GateException>(() => DataReader.Read(several).Dispose());
        Assert.Contains(
            "'b.csv' has two columns 'age': columns 1 and 2 of line 1",
            wrong.Message,
            StringComparison.Ordinal
        );
    }

    // What is refused, or else said.
    private string Told(string file)
    {
        try
        {
            using var splits = DataReader.Read(Policy(file, "y"));
            return string.Join('\n', splits.Diagnostics.Select(d => d.Message));
        }
        catch (GateException refused)
        {
            return refused.Message;
        }
    }

    [Fact]
    public void One_NA_among_numbers_is_an_error_not_a_hundred_categories()
    {
        Copy("SELECT CASE WHEN i = 50 THEN 'NA' ELSE i::VARCHAR END AS a, i % 2 AS y FROM range(100) t(i)", "na.csv");
        Assert.Contains(
            "holds numbers except for 'NA', first in na.csv, line 52;",
            Assert.Throws<GateException>(() => DataReader.Read(Policy("na.csv", "y"))).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_word_far_down_a_column_of_numbers_makes_it_text_from_the_first_row()
    {
        Copy(
            "SELECT i AS n, CASE WHEN i = 250000 THEN 'other' ELSE (i % 5)::VARCHAR END AS code, i % 2 AS y FROM "
                + "range(250001) t(i) ORDER BY i",
            "late.csv"
        );
        using var splits = DataReader.Read(Policy("late.csv", "y"));
        Assert.Equal(["0", "1", "2", "3", "4"], splits.Repair.Layout!.Find("code")!.Categories.Except(["other"]));
    }

    [Theory]
    [InlineData("csv", "age, y", "b.csv has no column 'sex', which a.csv has.")]
    [InlineData("parquet", "age, y", "b.parquet has no column 'sex', which a.parquet has.")]
    [InlineData(
        "parquet",
        "'old' AS age, sex, y",
        "b.parquet has the column 'age' as VARCHAR, but a.parquet as BIGINT."
    )]
    public void A_file_of_several_that_differs_is_named(string kind, string columns, string says)
    {
        Copy("SELECT i AS age, 2 AS sex, i % 2 AS y FROM range(9) t(i)", $"a.{kind}");
        Copy($"SELECT {columns} FROM (SELECT i AS age, 2 AS sex, i % 2 AS y FROM range(9) t(i))", $"b.{kind}");
        var policy = Both(kind);
        var wrong = Assert.Throws<GateException>(() => DataReader.Read(policy).Dispose());
        Assert.EndsWith($"'*.{kind}' cannot be read: {says}", wrong.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("i", "'abc'", "holds numbers, but in 1 row something else, such as 'abc' in a.json, record 38; ")]
    [InlineData("[i]", "i", "holds lists, but in 1 row something else, such as '37' in a.json, record 38; ")]
    [InlineData("i > 9", "{'a': [i]}", "holds truth values, but in 1 row something else, such as '{\"a\":[37]}' in ")]
    [InlineData("NULL", "NULL", "holds no value; fill it in, or exclude it with 'features.except'.")]
    [InlineData("i", "NULL", null)]
    public void A_value_of_another_type_in_JSON_is_named_with_its_place(string value, string other, string? says)
    {
        Copy(
            $"SELECT CASE WHEN i = 37 THEN to_json({other}) ELSE to_json({value}) END AS a, i % 2 AS y FROM range(90) t(i)",
            "a.json"
        );
        var said = Told("a.json");
        if (says is null)
            Assert.DoesNotContain("something else", said, StringComparison.Ordinal);
        else
            Assert.StartsWith($"The column 'a' {says}", said[said.IndexOf("The column", StringComparison.Ordinal)..]);
    }

    private GatePolicy Both(string kind = "csv")
    {
        var policy = Policy($"*.{kind}", "y");
        var files = policy.Data.Source with
        {
            Files = [Path.Combine(_folder, $"a.{kind}"), Path.Combine(_folder, $"b.{kind}")],
        };
        return policy with { Data = policy.Data with { Source = files } };
    }

    [Fact]
    public void A_label_that_is_no_class_is_named_with_its_place()
    {
        Copy("SELECT i AS a, ['p', 'q', 'r'][1 + (i > 40)::INT + (i = 60)::INT] AS y FROM range(100) t(i)", "r.csv");
        var policy = Policy("r.csv", "y");
        policy = policy with { Data = policy.Data with { Classes = ["p", "q"] } };
        var wrong = Assert.Throws<GateException>(() => DataReader.Read(policy).Dispose());
        Assert.Contains("contains 'r' (r.csv, line 62), which 'data.classes' does not list", wrong.Message);
    }

    [Fact]
    public void In_a_column_of_text_two_spellings_of_a_number_are_two_categories()
    {
        Copy("SELECT ['01', '1', 'x'][1 + i % 3] AS zip, i % 2 AS y FROM range(60) t(i)", "zip.csv");
        var policy = Policy("zip.csv", "y");
        policy = policy with
        {
            Data = policy.Data with { Features = new() { Categories = [new("zip", ["x", "1", "01", "001"])] } },
        };
        using var splits = DataReader.Read(policy);
        using var counts = splits.Test.Inputs.sum([0L]);
        Assert.Equal([true, true, true, false], counts.data<float>().ToArray().Select(c => c > 0));
    }

    [Theory]
    [InlineData("\n", "\r\n", "line 1 ends in LF and line 5 in CR LF")]
    [InlineData("\r\n", "\n", "line 1 ends in CR LF and line 5 in LF")]
    public void Two_kinds_of_line_ends_are_named(string most, string other, string reason)
    {
        var lines = Enumerable.Range(0, 200).Select(i => $"{i},{i % 2}{(i == 3 ? other : most)}");
        File.WriteAllText(Path.Combine(_folder, "mixed.csv"), $"a,y{most}{string.Concat(lines)}");
        var wrong = Assert.Throws<GateException>(() => DataReader.Read(Policy("mixed.csv", "y")).Dispose());
        Assert.Contains(reason, wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Categories_are_those_of_all_rows()
    {
        Copy("SELECT 'c' || i AS a, i % 2 AS y FROM range(100) t(i)", "rare.csv");
        using var splits = DataReader.Read(Policy("rare.csv", "y"));
        Assert.Equal(100, splits.Repair.Layout!.Width);
        using var sums = splits.Test.Inputs.sum(1);
        Assert.All(sums.data<float>().ToArray(), sum => Assert.Equal(1, sum));
        Assert.Empty(splits.Diagnostics);
    }

    [Fact]
    public void A_category_that_the_repair_split_and_the_model_lack_is_a_block_of_zeros_and_a_warning()
    {
        Copy("SELECT 'c' || i AS a, i % 2 AS y FROM range(100) t(i)", "rare.csv");
        using var splits = DataReader.Read(Policy("rare.csv", "y"), new ModelInputs([], Text: false, [50]));
        Assert.Equal(50, splits.Repair.Layout!.Width);
        using var sum = splits.Test.Inputs.abs().sum();
        Assert.Equal(0, sum.item<float>());
        var warning = Assert.Single(splits.Diagnostics);
        Assert.Equal(Severity.Warning, warning.Severity);
        Assert.StartsWith("50 rows outside the repair split", warning.Message, StringComparison.Ordinal);
    }

    // Rooms are 1 to 3 in the rows; whoever trained the model also knew of 4.
    [Fact]
    public void A_column_that_is_listed_has_an_input_for_each_value_in_that_order()
    {
        Copy("SELECT 1 + i % 3 AS rooms, i % 2 = 0 AS pets, i % 2 AS y FROM range(60) t(i)", "rooms.csv");
        var policy = Policy("rooms.csv", "y");
        policy = policy with
        {
            Data = policy.Data with
            {
                Features = new()
                {
                    Categories = [new("rooms", ["4", "2.0", "+1", "3e0"]), new("pets", ["1e0", "false"])],
                },
            },
        };
        using var splits = DataReader.Read(policy, new ModelInputs([], Text: false, [6]));
        Assert.Equal([("rooms", 4), ("pets", 2)], splits.Test.Layout!.Columns.Select(c => (c.Name, c.Width)));
        foreach (var (row, label) in splits.Test.LabelValues.Index())
        {
            var place = splits.Test.PlaceInData(row);
            var i =
                int.Parse(place[(place.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture) - 2;
            float[] rooms = [.. new[] { 4, 2, 1, 3 }.Select(n => n == 1 + i % 3 ? 1f : 0)];
            Assert.Equal([.. rooms, 1 - i % 2, i % 2], splits.Test.Inputs[row].data<float>().ToArray());
        }

        var wrong = Assert.Throws<GateException>(() => DataReader.Read(policy, new([], Text: true, [])).Dispose());
        Assert.Contains("the model reads text by itself; remove it", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_keeps_its_spelling_and_numbers_their_order()
    {
        Copy(
            "SELECT ['yes', 'no'][1 + i % 2] AS answer, ['10', '9', '2'][1 + i % 3] AS y, i AS n FROM range(60) t(i)",
            "words.csv"
        );
        using var splits = DataReader.Read(
            Policy("words.csv", "y") with
            {
                Groups =
                [
                    new()
                    {
                        Name = "answer",
                        Column = "answer",
                        Privileged = "yes",
                    },
                ],
            }
        );
        Assert.Equal(["2", "9", "10"], splits.Test.ClassNames);
        Assert.Equal(["no", "yes"], splits.Test.Groups["answer"].Levels);
        using var listed = DataReader.Read(
            Policy("words.csv", "y") with
            {
                Data = Data("words.csv", "y") with { Classes = ["10", "2", "9"], Favorable = "2" },
            }
        );
        Assert.Equal(["10", "2", "9"], listed.Test.ClassNames);
        Assert.Equal(1, listed.Test.Favorable);
    }

    // 0 to 99 have the mean 49.5 and the deviation 28.87: the standardized values are from -1.71 to 1.71.
    [Theory]
    [InlineData("robust_accuracy", "pgd", false, true)]
    [InlineData("robust_accuracy", "pgd", true, false)]
    [InlineData("certified_accuracy", null, false, true)]
    [InlineData("robust_accuracy", "table_pgd", false, false)]
    [InlineData("corrupted_accuracy", null, false, false)]
    [InlineData("accuracy", null, false, false)]
    public void Bounds_that_are_assumed_of_standardized_values_are_a_warning_where_they_count(
        string metric,
        string? attack,
        bool areGiven,
        bool isWarning
    )
    {
        Copy("SELECT i AS a, i % 2 AS y FROM range(100) t(i)", "t.csv");
        var rule = new GateRule { Metric = Named.Metric(metric), Min = 0 };
        var policy = Policy("t.csv", "y") with
        {
            Data = Data("t.csv", "y") with { Features = new() { Scale = Scaling.Standard } },
            Input = areGiven
                ? new()
                {
                    Lower = -2,
                    Upper = 2,
                    BoundsGiven = true,
                }
                : new(),
            Gates = [attack is null ? rule : rule with { Attack = new(Named.Attack(attack), Norm.Linf, 0.1) }],
        };
        using var splits = DataReader.Read(policy);
        Assert.Equal(isWarning, splits.Diagnostics.Any(d => d.Severity == Severity.Warning));
        if (isWarning)
            Assert.EndsWith(
                "Set 'input.bounds', such as [-2, 2].",
                splits.Diagnostics[0].Message,
                StringComparison.Ordinal
            );
    }

    [Fact]
    public void Values_outside_given_bounds_are_an_error_unless_a_fitted_scale_made_them()
    {
        Copy("SELECT i AS a, i % 2 AS y FROM range(100) t(i)", "t.csv");
        var policy = Policy("t.csv", "y") with { Input = new() { BoundsGiven = true } };
        Assert.Contains(
            "'a' range from 0 to 99, outside the bounds [0, 1]",
            Assert.Throws<GateException>(() => DataReader.Read(policy)).Message,
            StringComparison.Ordinal
        );
        using (var scaled = DataReader.Read(policy with { Input = policy.Input with { Scale = 1 / 99.0 } }))
            Assert.Empty(scaled.Diagnostics);
        for (var seed = 1; ; seed++) // until the largest or smallest value is outside the repair split
        {
            using var fitted = DataReader.Read(
                policy with
                {
                    Seed = seed,
                    Data = policy.Data with { Features = new() { Scale = Scaling.MinMax } },
                }
            );
            if (fitted.Diagnostics.IsEmpty)
                continue;
            Assert.Equal(Severity.Note, fitted.Diagnostics[0].Severity);
            break;
        }
    }
}
