using System.IO.Compression;
using DuckDB.NET.Data;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Policy;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

public sealed partial class DataReaderTests : IDisposable
{
    // Real enough: a number, a flag, a text column with a rare value, a label that depends on them. Written by DuckDB
    // itself.
    private const string People = """
        SELECT i AS id, 18 + (i * 7919) % 60 AS age, round(1000 + (i * 104729 % 977) * 1.5, 2) AS income,
            i % 3 = 0 AS member, ['rent', 'own', 'free'][1 + (i * i % 7) % 3] AS housing,
            CASE WHEN (i * 31 % 10) < 4 THEN 'female' ELSE 'male' END AS sex,
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
                LabelFile = new(
                    "labels",
                    images.Replace("images-idx3", "labels-idx1", StringComparison.Ordinal),
                    default
                ),
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

    [Theory]
    [InlineData("labels", 99, "The array 'labels' does not hold one number for each of 100 rows")]
    [InlineData("sex", 100, "The data has no labels; name an NPZ array")]
    public void Arrays_that_cannot_be_the_labels_are_named(string name, int count, string reason)
    {
        var path = NpzFileTests.Archive(
            ("x", NpzFileTests.Npy("<f4", false, "(100, 2)", new byte[800], 1)),
            (name, NpzFileTests.Npy("|u1", false, $"({count},)", new byte[count], 1))
        );
        File.Move(path, Path.Combine(_folder, "b.npz"));
        var wrong = Assert.Throws<GateException>(() => DataReader.Read(Policy("b.npz", null)).Dispose());
        Assert.Contains(reason, wrong.Message, StringComparison.Ordinal);
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

    private void Copy(string sql, string file, string options = "")
    {
        var path = Path.Combine(_folder, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var db = new DuckDBConnection("DataSource=:memory:");
        db.Open();
        using var command = new DuckDBCommand($"COPY ({sql}) TO '{path}'{options}", db);
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
