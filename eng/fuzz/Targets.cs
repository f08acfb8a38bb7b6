using System.Text;
using System.Text.Json;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Reading;
using PostTrainGate.Reporting;

namespace PostTrainGate.Fuzz;

/// <summary>What is fuzzed.</summary>
internal static class Targets
{
    // Through DuckDB a file takes milliseconds: of so many inputs one is read so, the others by our own code alone.
    private const int Rarely = 64;

    /// <summary>All targets.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("policy", 20, PolicyInputs.Seeds, PolicyInputs.Generate, _ => ReadPolicy) { Words = PolicyInputs.Words },
        new("npz", 20, ArrayInputs.NpzSeeds, ArrayInputs.Npz, folder => Arrays(folder, "x.npz", path =>
            {
                NpzFile.Shapes(path);
                foreach (var array in NpzFile.Read(path).Values)
                    array.Dispose();
            })) { Words = ArrayInputs.NpzWords },
        new("idx", 20, ArrayInputs.IdxSeeds, ArrayInputs.Idx, folder => Arrays(folder, "x.idx", path =>
            {
                if (IdxFile.Is(path))
                    IdxFile.Read(path).Dispose();
                else
                    throw Refused("no IDX");
            })),
        new("csv", 20, TextInputs.CsvSeeds, TextInputs.Csv, folder =>
            Table(folder, "x.csv", path => CsvShape.Fault(path))
        )
        {
            Words = TextInputs.CsvWords,
        },
        new("json", 12, TextInputs.JsonSeeds, TextInputs.Json, folder =>
            Table(folder, "x.json", path => ReadResult(File.ReadAllBytes(path)))
        )
        {
            Words = TextInputs.JsonWords,
        },
        new("images", 7, ImageInputs.Seeds, ImageInputs.Generate, Images),
        new("onnx", 2, OnnxInputs.Seeds, OnnxInputs.Generate, OnnxWorkers.Open) { Bound = TimeSpan.FromSeconds(15) },
        new("github", 1, GitHubReplies.Seeds, GitHubReplies.Generate, GitHubReplies.Open)
        {
            Words = GitHubReplies.Words,
        },
        new("conditions", 1, TextInputs.ConditionSeeds, TextInputs.Condition, Conditions)
        {
            Words = TextInputs.ConditionWords,
        },
    ];

    /// <summary>What a reader throws that refuses an input in its own way.</summary>
    public static GateException Refused(string why) => new(new Diagnostic(DiagnosticCodes.DataUnreadable, why));

    private static void ReadPolicy(byte[] input)
    {
        var (policy, diagnostics) = PolicyReader.ReadBase(input, "/posttraingate.yml");
        if (policy is null)
            throw new GateException([.. diagnostics.Where(d => d.Severity == Severity.Error)]);
    }

    private static void ReadResult(byte[] json)
    {
        try
        {
            GateJson.Parse(Encoding.UTF8.GetString(json));
        }
        catch (JsonException e)
        {
            throw Refused(e.Message);
        }
    }

    private static Action<byte[]> Arrays(string folder, string name, Action<string> read) =>
        Reader(folder, name, read, Policy(folder, name) with { Groups = [new() { Name = "g", Column = "g" }] });

    private static Action<byte[]> Table(string folder, string name, Action<string> read) =>
        Reader(folder, name, read, Policy(folder, name) with { Data = Policy(folder, name).Data with { Label = "y" } });

    private static Action<byte[]> Reader(string folder, string name, Action<string> read, GatePolicy policy)
    {
        var (path, number) = (Path.Combine(folder, name), 0);
        return input =>
        {
            File.WriteAllBytes(path, input);
            if (number++ % Rarely == 0)
                DataReader.Read(policy).Dispose();
            else
                read(path);
        };
    }

    private static Action<byte[]> Images(string folder)
    {
        var (path, number) = (Path.Combine(folder, "images/a/x.png"), 0);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        Directory.CreateDirectory(Path.Combine(folder, "images/b"));
        File.WriteAllBytes(Path.Combine(folder, "images/b/y.png"), ImageInputs.Seeds[0]);
        var policy = Policy(folder, "images/*/*");
        policy = policy with
        {
            Data = policy.Data with
            {
                Source = policy.Data.Source with { Files = [path, Path.Combine(folder, "images/b/y.png")] },
            },
        };
        return input =>
        {
            File.WriteAllBytes(path, input);
            if (number++ % Rarely == 0)
                DataReader.Read(policy).Dispose();
            else if (ImageFile.KindOf(path) is not ImageKind.Readable)
                throw Refused("no image");
            else
                ImageReader.Try(path, policy.Data.Source);
        };
    }

    private static Action<byte[]> Conditions(string folder)
    {
        var path = Path.Combine(folder, "x.csv");
        File.WriteAllText(path, "a,t,y\n1,x,0\n2,y,1\n-3,,0\n");
        var table = Data.Table.Load(new("x.csv", path, default)); // as long as the process
        return input =>
        {
            var where = Encoding.UTF8.GetString(input);
            table.Integers(Condition.Check(table, where, "a fuzzed group", default).Truth);
        };
    }

    private static GatePolicy Policy(string folder, string name) =>
        new()
        {
            File = "posttraingate.yml",
            Folder = folder,
            Model = new("m.onnx", "m.onnx", default),
            Data = new() { Source = new(name, Path.Combine(folder, name), default) },
            Gates = [],
        };
}
