using System.IO.Compression;
using DuckDB.NET.Data;
using PostTrainGate.Data;
using PostTrainGate.Policy;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

public sealed class DataReaderTests : IDisposable
{
    // Real enough: a number, a flag, a text column with a rare value, a label that depends on them. Written by DuckDB itself.
    private const string People = """
        SELECT i AS id, 18 + (i * 7919) % 60 AS age, round(1000 + (i * 104729 % 977) * 1.5, 2) AS income, i % 3 = 0 AS member,
            ['rent', 'own', 'free'][1 + (i * i % 7) % 3] AS housing, CASE WHEN (i * 31 % 10) < 4 THEN 'female' ELSE 'male' END AS sex,
            CASE WHEN (i * 13 % 10) < 7 THEN 'good' ELSE 'bad' END AS credit
        FROM range(1000) t(i) ORDER BY i
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("ptg-data").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Sums_of_the_encoded_columns_are_those_that_SQL_gives()
    {
        Copy(People, "people.csv");
        var policy = Policy("people.csv", "credit") with
        {
            Data = Data("people.csv", "credit") with
            {
                Features = new() { Except = ["id"], Scale = Scaling.MinMax },
            },
        };
        using var splits = DataReader.Read(policy);
        EvaluationSet[] sets = [splits.Repair, splits.Select, splits.Test];
        Assert.Equal([500, 200, 300], sets.Select(s => s.Count));
        Assert.Equal(["age", "income", "member", "housing", "sex"], splits.Repair.Layout!.Columns.Select(c => c.Name));
        Assert.Equal(["free", "own", "rent"], splits.Repair.Layout.Find("housing")!.Categories);
        Assert.Equal(["bad", "good"], splits.Repair.ClassNames);
        Assert.Equal(1, splits.Repair.Favorable);
        using var scope = NewDisposeScope();
        var all = cat([.. sets.Select(s => s.Inputs)], 0);
        Assert.Equal([1000, splits.Repair.Layout.Width], all.shape);
        foreach (var column in splits.Repair.Layout.Columns)
        {
            var block = all.narrow(1, column.Start, column.Width).to(float64);
            if (column.Categories.IsEmpty)
            {
                var raw = (block * column.Divisor + column.Offset).sum().item<double>();
                Assert.Equal(Number($"SELECT sum({column.Name}::DOUBLE) FROM ({People})"), raw, 0.05);
                Assert.Equal(0, splits.Repair.Inputs.narrow(1, column.Start, 1).min().item<float>());
                Assert.Equal(1, splits.Repair.Inputs.narrow(1, column.Start, 1).max().item<float>());
            }
            else
            {
                Assert.True(block.sum(1).eq(1).all().item<bool>());
                var counts = column.Categories.Select(c =>
                    Number($"SELECT count(*) FROM ({People}) WHERE {column.Name} = '{c}'")
                );
                Assert.Equal(counts, block.sum([0L]).data<double>().ToArray());
            }
        }

        Assert.Equal(
            Number($"SELECT count(*) FROM ({People}) WHERE credit = 'good'"),
            sets.Sum(s => s.LabelValues.Count(l => l == 1))
        );
    }

    [Fact]
    public void Parquet_JSON_and_several_compressed_CSV_files_give_what_one_CSV_gives()
    {
        Copy(People, "people.csv");
        Copy(People, "people.parquet");
        Copy(People, "people.json");
        Copy($"SELECT * FROM ({People}) WHERE id < 400", "parts/a.csv.gz");
        Copy($"SELECT * FROM ({People}) WHERE id >= 400", "parts/more/b.csv.gz");
        using var expected = DataReader.Read(Policy("people.csv", "credit"));
        foreach (var source in new[] { "people.parquet", "people.json", "parts" })
        {
            var policy = Policy(source, "credit");
            if (source == "parts")
            {
                var parts = Directory
                    .GetFiles(Path.Combine(_folder, source), "*.gz", SearchOption.AllDirectories)
                    .Order(StringComparer.Ordinal);
                policy = policy with
                {
                    Data = policy.Data with { Source = policy.Data.Source with { Files = [.. parts] } },
                };
            }

            using var read = DataReader.Read(policy);
            Assert.Equal(expected.Test.LabelValues, read.Test.LabelValues);
            using var same = expected.Test.Inputs.eq(read.Test.Inputs).all();
            Assert.True(same.item<bool>(), source);
            Assert.Equal(
                expected.Test.Layout!.Columns.Select(c => string.Join(',', c.Categories)),
                read.Test.Layout!.Columns.Select(c => string.Join(',', c.Categories))
            );
        }
    }

    [Fact]
    public void Rows_keep_the_order_of_the_file_however_many_threads_read_it()
    {
        Copy("SELECT i AS id, i % 2 AS y, hash(i) AS noise FROM range(400000) t(i) ORDER BY i", "long.csv");
        using var splits = DataReader.Read(
            Policy("long.csv", "y") with
            {
                Data = Data("long.csv", "y") with { Features = new() { Only = ["id"] } },
            }
        );
        foreach (var set in new[] { splits.Repair, splits.Select, splits.Test })
        {
            var ids = set.Inputs.data<float>().ToArray();
            Assert.True(ids.Zip(ids.Skip(1)).All(p => p.First < p.Second));
            Assert.Equal(ids.Select(i => (int)i % 2), set.LabelValues);
        }
    }

    [Fact]
    public void Another_seed_gives_other_splits_and_the_same_seed_the_same()
    {
        Copy(People, "people.csv");
        using var one = DataReader.Read(Policy("people.csv", "credit") with { Seed = 1 });
        using var again = DataReader.Read(Policy("people.csv", "credit") with { Seed = 1 });
        using var two = DataReader.Read(Policy("people.csv", "credit") with { Seed = 2 });
        float[] Ids(DataSplits s) => s.Test.Inputs.narrow(1, 0, 1).contiguous().data<float>().ToArray();
        Assert.Equal(Ids(one), Ids(again));
        Assert.NotEqual(Ids(one), Ids(two));
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
        Assert.Contains("no column of numbers", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_group_of_a_thousand_values_is_refused_with_what_would_do()
    {
        Copy("SELECT i AS id, i % 2 AS y FROM range(1000) t(i)", "ids.csv");
        var thrown = Assert.Throws<GateException>(() =>
            DataReader.Read(Policy("ids.csv", "y") with { Groups = [new() { Name = "id", Column = "id" }] })
        );
        Assert.Contains("more than 500 levels", thrown.Message, StringComparison.Ordinal);
        Assert.Contains("'bins'", thrown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("age >=", "syntax error")]
    [InlineData("aeg >= 25", "aeg")]
    [InlineData("housing", "housing")]
    [InlineData("true; DROP TABLE source", "SELECT")]
    [InlineData("true) FROM source --", "syntax error")]
    [InlineData("true FROM range(3)", "one condition")]
    [InlineData("true AS x", "one condition")]
    [InlineData("true, false", "one condition")]
    [InlineData("true WHERE true", "one condition")]
    [InlineData("true LIMIT 1", "one condition")]
    [InlineData("age > (SELECT avg(age) FROM source)", "one row")]
    [InlineData("age IN (SELECT column0 FROM read_csv('/etc/passwd'))", "one row")]
    [InlineData("COLUMNS(*) IS NOT NULL", "one row")]
    [InlineData("count(*) > 3", "every row")]
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

    [Theory]
    [InlineData("a,y\ns,p\n,q\n,p\nt,q\n", DiagnosticCodes.DataValue, "'a' has no value in 2 of 4 rows")]
    [InlineData("a,y\n1,p\n2,\n3,q\n", DiagnosticCodes.DataValue, "no value in 1 of 3 rows")]
    [InlineData(
        "a,y\n1,p\ninf,q\n1,p\n1,q\n1,p\n1,q\n1,p\n1,q\n",
        DiagnosticCodes.DataValue,
        "'a' is not a finite number in 1 row"
    )]
    [InlineData("a,y\n2020-01-01,p\n2020-01-02,q\n", DiagnosticCodes.DataValue, "type DATE")]
    [InlineData("a,y\n1,p\n2,p\n", DiagnosticCodes.DataEmpty, "one value only")]
    [InlineData("a,y\n", DiagnosticCodes.DataEmpty, "no rows")]
    [InlineData("", DiagnosticCodes.DataEmpty, "no rows")]
    [InlineData("a,Y\n1,p\n2,q\n", DiagnosticCodes.DataColumn, "did you mean 'Y'?")]
    [InlineData("y\n1\n2\n", DiagnosticCodes.DataColumn, "No column is left")]
    [InlineData(
        "a,y\n1,2,3\n1,2\n1\n",
        DiagnosticCodes.DataUnreadable,
        "line 2 has 3 values, the header in line 1 has 2"
    )]
    public void A_table_that_cannot_be_used_says_what_is_wrong(string csv, string code, string says)
    {
        File.WriteAllText(Path.Combine(_folder, "t.csv"), csv);
        var thrown = Assert.Throws<GateException>(() => DataReader.Read(Policy("t.csv", "y")));
        Assert.Equal(code, thrown.Diagnostics[0].Code);
        Assert.Contains(says, thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_NA_among_numbers_is_an_error_not_a_hundred_categories()
    {
        Copy("SELECT CASE WHEN i = 50 THEN 'NA' ELSE i::VARCHAR END AS a, i % 2 AS y FROM range(100) t(i)", "na.csv");
        Assert.Contains(
            "holds numbers but for 'NA'",
            Assert.Throws<GateException>(() => DataReader.Read(Policy("na.csv", "y"))).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_word_far_down_a_column_of_numbers_makes_it_text_from_the_first_row()
    {
        Copy(
            "SELECT i AS n, CASE WHEN i = 250000 THEN 'other' ELSE (i % 5)::VARCHAR END AS code, i % 2 AS y FROM range(250001) t(i) ORDER BY i",
            "late.csv"
        );
        using var splits = DataReader.Read(Policy("late.csv", "y"));
        Assert.Equal(["0", "1", "2", "3", "4"], splits.Repair.Layout!.Find("code")!.Categories.Except(["other"]));
    }

    [Fact]
    public void A_category_that_the_repair_split_lacks_is_a_block_of_zeros_and_a_warning()
    {
        Copy("SELECT 'c' || i AS a, i % 2 AS y FROM range(100) t(i)", "rare.csv");
        using var splits = DataReader.Read(Policy("rare.csv", "y"));
        Assert.Equal(50, splits.Repair.Layout!.Width);
        using var sum = splits.Test.Inputs.abs().sum();
        Assert.Equal(0, sum.item<float>());
        var warning = Assert.Single(splits.Diagnostics);
        Assert.Equal(Severity.Warning, warning.Severity);
        Assert.StartsWith("50 rows outside the repair split", warning.Message, StringComparison.Ordinal);
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

    [Fact]
    public void Values_outside_given_bounds_are_an_error_unless_a_fitted_scale_made_them()
    {
        Copy("SELECT i AS a, i % 2 AS y FROM range(100) t(i)", "t.csv");
        var policy = Policy("t.csv", "y") with { Input = new() { BoundsGiven = true } };
        Assert.Contains(
            "'a' run from 0 to 99, outside the bounds [0, 1]",
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

    [Fact]
    public void Fashion_MNIST_comes_whole_balanced_and_in_its_pixels()
    {
        var images = Fixtures.Debian(
            "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz",
            "dataset-fashion-mnist"
        );
        var policy = Bare("/usr/share/datasets/fashion-mnist") with
        {
            Data = new()
            {
                Source = new("t10k-images-idx3-ubyte.gz", images, default),
                Labels = new("labels", images.Replace("images-idx3", "labels-idx1", StringComparison.Ordinal), default),
            },
            Input = new() { Scale = 1 / 255.0, BoundsGiven = true },
        };
        using var splits = DataReader.Read(policy);
        Assert.Equal([3000, 1, 28, 28], splits.Test.Inputs.shape);
        Assert.Equal(10, splits.Test.ClassNames.Length);
        Assert.All(splits.Test.LabelValues.CountBy(l => l), c => Assert.Equal(300, c.Value));
        Assert.All(splits.Repair.LabelValues.CountBy(l => l), c => Assert.Equal(500, c.Value));
        using var gzip = new GZipStream(File.OpenRead(images), CompressionMode.Decompress);
        using var raw = new MemoryStream();
        gzip.CopyTo(raw);
        using var scope = NewDisposeScope();
        var total = new[] { splits.Repair, splits.Select, splits.Test }.Sum(s =>
            s.Inputs.to(float64).sum().item<double>()
        );
        Assert.Equal(raw.ToArray().Skip(16).Sum(b => (long)b) / 255.0, total, 1.0);
        Assert.Contains(
            "1/255",
            Assert
                .Throws<GateException>(() => DataReader.Read(policy with { Input = new() { BoundsGiven = true } }))
                .Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void An_NPZ_gives_inputs_labels_and_groups()
    {
        var x = Enumerable.Range(0, 200).Select(i => (float)i).ToArray();
        var path = NpzFileTests.Archive(
            ("x", NpzFileTests.Npy("<f4", false, "(100, 2)", [.. x.SelectMany(BitConverter.GetBytes)], 1)),
            (
                "y",
                NpzFileTests.Npy("|u1", false, "(100,)", [.. Enumerable.Range(0, 100).Select(i => (byte)(i % 2))], 1)
            ),
            (
                "sex",
                NpzFileTests.Npy(
                    "<i8",
                    false,
                    "(100,)",
                    [.. Enumerable.Range(0, 100).SelectMany(i => BitConverter.GetBytes((long)(i / 50)))],
                    1
                )
            )
        );
        File.Move(path, Path.Combine(_folder, "a.npz"));
        using var splits = DataReader.Read(
            Policy("a.npz", null) with
            {
                Groups =
                [
                    new()
                    {
                        Name = "sex",
                        Column = "sex",
                        Privileged = "1",
                    },
                ],
            }
        );
        Assert.Equal([30, 2], splits.Test.Inputs.shape);
        var first = splits.Test.Inputs.narrow(1, 0, 1).contiguous().data<float>().ToArray();
        Assert.Equal(first.Select(v => (int)v / 2 % 2), splits.Test.LabelValues);
        Assert.Equal(first.Select(v => (int)v / 100), splits.Test.Groups["sex"].LevelOf);
    }

    [Fact]
    public void Names_of_encoded_columns_give_their_blocks()
    {
        var layout = FeatureLayout.FromNames(["sex", "status=A11", "status=A12", "age", "purpose=A40"]);
        Assert.Equal(
            [("sex", 0, 1), ("status", 1, 2), ("age", 3, 1), ("purpose", 4, 1)],
            layout.Columns.Select(c => (c.Name, c.Start, c.Width))
        );
        Assert.Equal(["A11", "A12"], layout.Find("status")!.Categories);
        Assert.Throws<ArgumentException>(() => FeatureLayout.FromNames(["a=1", "b", "a=2"]));
    }

    private static GatePolicy Bare(string folder) =>
        new()
        {
            File = "posttraingate.yml",
            Folder = folder,
            Model = new("m.onnx", "m.onnx", default),
            Data = null!,
            Gates = [],
        };

    private GatePolicy Policy(string source, string? label) => Bare(_folder) with { Data = Data(source, label) };

    private DataPolicy Data(string source, string? label) =>
        new() { Source = new(source, Path.Combine(_folder, source), default), Label = label };

    private void Copy(string sql, string file)
    {
        var path = Path.Combine(_folder, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var db = new DuckDBConnection("DataSource=:memory:");
        db.Open();
        using var command = new DuckDBCommand($"COPY ({sql}) TO '{path}'", db);
        command.ExecuteNonQuery();
    }

    private static double Number(string sql)
    {
        using var db = new DuckDBConnection("DataSource=:memory:");
        db.Open();
        using var command = new DuckDBCommand(sql, db);
        return Convert.ToDouble(command.ExecuteScalar(), System.Globalization.CultureInfo.InvariantCulture);
    }
}
