using System.Globalization;
using PostTrainGate.Repairs;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// FMT against its publication: source metrics and slices (deterministic), then mean and deviation over ten repeats of
/// every mode and variant beside the published ones. <c>fmt [german adult compas bank] [--repeats 10] [--variant NAME]
/// [--draws]</c>; with
/// <c>--draws</c> each repeat draws mutants of its own, which shows what the published deviations leave out.
/// </summary>
internal static class FmtBench
{
    private static readonly string[] Metrics = ["accuracy", "spd", "aaod", "eod"];

    // Published learning rate and batch size (spec section 8). The settings of "last" are not recorded, but for
    // german-sex single.
    private static readonly Dictionary<string, (double Rate, int Batch)[]> Settings = new()
    {
        ["adult-race"] = [(1e-5, 32), (1e-3, 32)],
        ["adult-sex"] = [(1e-5, 128), (1e-3, 16)],
        ["bank-age"] = [(1e-5, 32), (1e-5, 128)],
        ["compas-race"] = [(1e-4, 128), (1e-3, 16)],
        ["compas-sex"] = [(1e-5, 16), (1e-5, 64)],
        ["german-age"] = [(1e-3, 128), (1e-3, 128)],
        ["german-sex"] = [(1e-3, 64), (1e-4, 16)],
    };

    private static readonly (FmtVariant Variant, string Published)[] Variants =
    [
        (FmtVariant.Full, "FMT_{0}"),
        (FmtVariant.NoSlice, "FMT_{0}^-s"),
        (FmtVariant.NoSliceNoTransform, "FMT_{0}^-sl"),
        (FmtVariant.Last, "FMT_{0}-last"),
        (FmtVariant.Uniform, "FMT_{0}^rand"),
    ];

    public static int Run(string[] args)
    {
        var only = args.Where(a => !a.StartsWith('-'))
            .Where(a => !int.TryParse(a, out _) && !Enum.TryParse<FmtVariant>(a, out _))
            .ToArray();
        var repeats = Options.Count(args, "--repeats") ?? 10;
        FmtVariant? variant = Options.Text(args, "--variant") is { } v ? Enum.Parse<FmtVariant>(v) : null;
        var published = Published();
        var (cells, within) = (0, 0);
        foreach (var (name, settings) in Settings)
        {
            var (dataset, attribute) = (name.Split('-')[0], name.Split('-')[1]);
            if (only.Length > 0 && !only.Contains(dataset))
                continue;
            using var task = FairnessTask.Load(FixtureFolder.Path, dataset, attribute);
            var source = task.Measure(task.Source);
            Console.WriteLine(
                $"\n{name}: source {Row(source, "F6")}   published "
                    + $"{Row([.. Metrics.Select(m => published[(name, "source", m)].Mean)], "F6")}"
            );
            Console.WriteLine($"  slice {Slice(task)}");
            Console.WriteLine(
                $"  {"variant", -18} {"lr", 6} {"bs", 4} {"s/run", 6}  "
                    + string.Join("  ", Metrics.Select(m => $"{m, -9} ours / published ± sd   "))
            );
            foreach (var (kind, label) in Variants.Where(x => variant is null || x.Variant == variant))
            {
                foreach (var dual in new[] { false, true })
                {
                    var clock = System.Diagnostics.Stopwatch.StartNew();
                    var key = string.Format(CultureInfo.InvariantCulture, label, dual ? "d" : "s");
                    var (rate, batch) =
                        name == "german-sex" && kind == FmtVariant.Last && !dual ? (1e-4, 64) : settings[dual ? 1 : 0];
                    var runs = Repeat(task, kind, dual, rate, batch, repeats, args.Contains("--draws"));
                    var text = new List<string>();
                    for (var m = 0; m < Metrics.Length; m++)
                    {
                        var (mean, deviation) = Moments([.. runs.Select(x => x[m])]);
                        var (theirs, spread) = published[(name, key, Metrics[m])];
                        var inside = Math.Abs(mean - theirs) <= 2 * spread + 1e-9;
                        (cells, within) = (cells + 1, within + (inside ? 1 : 0));
                        text.Add(
                            string.Create(
                                CultureInfo.InvariantCulture,
                                $"{mean:F4}±{deviation:F4} / {theirs:F4}±{spread:F4} {(inside ? "in " : "OUT")}"
                            )
                        );
                    }

                    Console.WriteLine(
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"  {key, -18} {rate, 6:G2} {batch, 4} {clock.Elapsed.TotalSeconds / repeats, 6:F1}  "
                                + $"{string.Join("  ", text)}"
                        )
                    );
                }
            }
        }

        Console.WriteLine($"\n{within} of {cells} means within two published standard deviations");
        return 0;
    }

    private static double[][] Repeat(
        FairnessTask task,
        FmtVariant kind,
        bool dual,
        double rate,
        int batch,
        int repeats,
        bool draws
    )
    {
        var fmt = new Fmt
        {
            Pairs = task.Pairs,
            Group = task.Attribute,
            Dual = dual,
            Variant = kind,
            LearningRate = rate,
            BatchSize = batch,
        }.AsPublished();
        var runs = new double[repeats][];
        for (var i = 0; i < repeats; i++)
        {
            using var scope = NewDisposeScope();
            // As published: mutants are drawn once and the repeats differ in the order of the rows only.
            using var random = new Generator((ulong)(draws ? 100 + i : 100));
            var mutants =
                kind == FmtVariant.Uniform ? task.Pairs.Mutants(task.Train.Count, ValueDraw.Uniform, random)
                : draws ? task.Pairs.Mutants(task.Train.Count, ValueDraw.Marginal, random)
                : task.Mutants;
            using var model = ModelTransform
                .Run((fmt with { Mutants = mutants }).Recipe(task.Source), new(task.Source, task.Train, i))
                .Model;
            runs[i] = task.Measure(model);
        }

        return runs;
    }

    private static string Slice(FairnessTask task)
    {
        using var random = new Generator(1);
        using var scope = NewDisposeScope();
        var layers = task.Source.Layers.Take(Fmt.TargetLayer(task.Source).Index + 1).ToArray();
        return string.Join(
            " | ",
            TwinSlice.Units(task.Source, layers, task.Pairs.Twins(random)).Select(u => string.Join(' ', u))
        );
    }

    private static Dictionary<(string Task, string Method, string Metric), (double Mean, double Deviation)> Published()
    {
        static double Number(string text) => text.Length == 0 ? 0 : double.Parse(text, CultureInfo.InvariantCulture);
        var lines = File.ReadLines(FixtureFolder.Path("../method/published-results.csv")).Select(l => l.Split(','));
        return lines
            .Where(f => f[0] == "fairness")
            .ToDictionary(f => ($"{f[3]}-{f[4]}", f[6], f[7]), f => (Number(f[10]), Number(f[11])));
    }

    private static (double Mean, double Deviation) Moments(double[] values)
    {
        var mean = values.Average();
        return (mean, Math.Sqrt(values.Average(v => (v - mean) * (v - mean))));
    }

    private static string Row(double[] values, string format) =>
        string.Join(' ', values.Select(v => v.ToString(format, CultureInfo.InvariantCulture)));
}
