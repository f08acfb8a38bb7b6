using System.Globalization;
using PostTrainGate.Attacks;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// Attacks on the first test images of Fashion-MNIST, in units of one full input-gradient pass over the same images in
/// the same process: of the rebuilt graph, and of a module by hand, which is what the passes of foolbox and
/// AutoAttack's own code were. Those were timed once each, and for the same images they differ by up to nine times, so
/// that their seconds stand beside them. <c>whole</c>: every row uses all steps, as foolbox's do; <c>gate</c>: through
/// the harness, only what still stands. Options: models to attack (<c>cnn lenet5</c>), <c>--only TEXT</c> (part of an
/// attack's name), <c>--repeats N</c> (3), <c>--seed N</c> (1), <c>--threads N</c> (1, as in the reference).
/// </summary>
internal static class AttackBench
{
    private const int Batch = 250;

    private static readonly AttackSettings Pgd = new(Catalog.Default.Get<IAttack>("pgd"), Norm.Linf, 0.1)
    {
        RandomStart = false,
    };
    private static readonly AttackSettings Auto = new(Catalog.Default.Get<IAttack>("autoattack"), Norm.Linf, 8 / 255.0);

    // Rows of the reference: attack, its model, whose figure, images.
    private static readonly (
        string Reference,
        string Model,
        string Peer,
        int Rows,
        AttackSettings Settings
    )[] Attacks =
    [
        .. new[] { "cnn", "lenet5" }.SelectMany(m =>
            new (string, string, string, int, AttackSettings)[]
            {
                ("fgsm_0.1", m, "foolbox", 1000, new(Catalog.Default.Get<IAttack>("fgsm"), Norm.Linf, 0.1)),
                ("pgd_linf_0.1", m, "foolbox", 1000, Pgd with { Steps = 40, StepSize = 0.01 }),
                (
                    "pgd_linf_8_255",
                    m,
                    "foolbox",
                    1000,
                    Pgd with
                    {
                        Epsilon = 8 / 255.0,
                        Steps = 20,
                        StepSize = 2 / 255.0,
                    }
                ),
                ("pgd_l2_2", m, "foolbox", 1000, Pgd with { Norm = Norm.L2, Epsilon = 2, Steps = 40, StepSize = 0.1 }),
            }
        ),
        ("deepfool", "cnn", "foolbox", 200, new(Catalog.Default.Get<IAttack>("deepfool"), Norm.L2, 1)),
        ("deepfool", "lenet5", "foolbox", 50, new(Catalog.Default.Get<IAttack>("deepfool"), Norm.L2, 1)),
        ("cw_l2", "cnn", "foolbox", 100, new(Catalog.Default.Get<IAttack>("cw"), Norm.L2, 1)),
        ("cw_l2", "lenet5", "foolbox", 50, new(Catalog.Default.Get<IAttack>("cw"), Norm.L2, 1)),
        ("aa_linf_0.1", "cnn", "autoattack", 200, Auto with { Epsilon = 0.1 }),
        ("aa_linf_8_255", "cnn", "autoattack", 200, Auto),
        ("aa_linf_8_255", "lenet5", "autoattack", 100, Auto),
        // its cut-offs were chosen on these two rows
        ("aa_linf_8_255", "cnn", "autoattack", 200, Auto with { Attack = AutoAttack.Fast }),
        ("aa_linf_8_255", "lenet5", "autoattack", 100, Auto with { Attack = AutoAttack.Fast }),
    ];

    public static int Run(string[] args)
    {
        NativeMemory.Tune();
        set_num_threads(Options.Count(args, "--threads") ?? 1);
        var (repeats, seed, only) = (
            Options.Count(args, "--repeats") ?? 3,
            Options.Count(args, "--seed") ?? 1,
            Options.Text(args, "--only") ?? ""
        );
        var models = args.Where(a => a is "cnn" or "lenet5").DefaultIfEmpty("cnn").ToList();
        Console.WriteLine(
            $"batch {Batch}, threads {get_num_threads()}, median of {repeats}, processor time; passes = times one "
                + "input-gradient pass"
        );
        foreach (
            var attack in Attacks.Where(a =>
                models.Contains(a.Model) && a.Reference.Contains(only, StringComparison.Ordinal)
            )
        )
            Console.WriteLine(Measure(attack, repeats, seed));
        return 0;
    }

    private static string Measure(
        (string Reference, string Model, string Peer, int Rows, AttackSettings Settings) a,
        int repeats,
        int seed
    )
    {
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(FixtureFolder.Path($"fmnist/{a.Model}.onnx"));
        using var test = FashionMnist.Test();
        using var rows = test.Rows(0, a.Rows);
        var (images, labels) = (rows.Inputs, rows.Labels);
        var hand = ModelBench.ByHand(model, a.Model);
        List<double> pass = [],
            plain = [],
            whole = [],
            gate = [];
        double robust = 0,
            distance = double.NaN;
        for (var i = 0; i <= repeats; i++) // the first round warms up
        {
            pass.Add(Pass(model.Logits, images, labels));
            plain.Add(Pass(hand, images, labels));
            if (Catalog.Default.Attacks.First(t => t.Name == a.Settings.Name) is IMinimalAttack)
            {
                gate.Add(
                    ProcessorTime.Of(() =>
                        distance = AttackHarness.Distances(model, images, labels, new(a.Settings, seed)).Median
                    )
                );
                continue;
            }

            if (a.Peer == "foolbox")
                whole.Add(ProcessorTime.Of(() => Whole(model, images, labels, a.Settings)));
            gate.Add(
                ProcessorTime.Of(() =>
                {
                    using var outcome = AttackHarness.Run(model, images, labels, new(a.Settings, seed));
                    robust = outcome.RobustAccuracy;
                })
            );
        }

        var (unit, byHand, peer) = (Median(pass), Median(plain), Peer(a.Model, a.Reference, a.Peer, a.Rows));
        var own =
            whole.Count > 0
                ? string.Create(CultureInfo.InvariantCulture, $"whole {Median(whole) / unit:F1} passes, ")
                : "";
        var (found, theirs) = double.IsNaN(distance)
            ? ($"robust accuracy {robust:F3}", peer.Robust)
            : ($"median {distance:F4}", peer.Median);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{a.Model, -7} {a.Reference, -15} n {a.Rows, -5} pass {unit * 1000:F1} ms, by hand {byHand * 1000:F1} "
                + $"ms; {own}gate {Median(gate):F3} s = "
                + $"{Median(gate) / unit:F1} passes, {Median(gate) / byHand:F1} by hand, {found} ({a.Peer} "
                + $"{peer.Seconds} s = {peer.Ratio} passes, {theirs})"
        );
    }

    private static (string Ratio, string Robust, string Median, string Seconds) Peer(
        string model,
        string reference,
        string library,
        int rows
    )
    {
        var lines = File.ReadLines(FixtureFolder.Path("reference/attacks.csv")).Select(l => l.Split(',')).ToList();
        var line = lines.Single(r => r[0] == model && r[1] == reference && r[2] == library && r[3] == $"{rows}");
        string Column(string name) => line[Array.IndexOf([.. lines[0]], name)];
        return (Column("ratio"), Column("robust_acc"), Column("l2_median"), Column("seconds_median"));
    }

    private static void Whole(OnnxClassifier model, Tensor images, Tensor labels, AttackSettings settings)
    {
        var attack = Catalog.Default.Attacks.First(a => a.Name == settings.Name);
        using var random = new Generator(1);
        var context = new AttackContext(
            model,
            Budget.FromSettings(settings, model.Input),
            settings,
            random,
            StopAtSuccess: false
        );
        EachBatch(images, labels, (x, y) => attack.Perturb(context, x, y));
    }

    /// <summary>Processor time of an input-gradient pass, the median of five.</summary>
    internal static double Pass(Func<Tensor, Tensor> network, Tensor images, Tensor labels) =>
        Enumerable
            .Range(0, 5)
            .Select(_ => ProcessorTime.Of(() => GradientPass(network, images, labels)))
            .Order()
            .ElementAt(2);

    private static void GradientPass(Func<Tensor, Tensor> network, Tensor images, Tensor labels) =>
        EachBatch(images, labels, (x, y) =>
        {
            var input = x.detach().requires_grad_();
            var loss = nn.functional.cross_entropy(network(input), y, reduction: nn.Reduction.Sum);
            return autograd.grad([loss], [input])[0];
        });

    private static void EachBatch(Tensor images, Tensor labels, Func<Tensor, Tensor, Tensor> work)
    {
        for (long start = 0; start < labels.shape[0]; start += Batch)
        {
            using var scope = NewDisposeScope();
            var rows = Math.Min(Batch, labels.shape[0] - start);
            work(images.narrow(0, start, rows), labels.narrow(0, start, rows));
        }
    }

    private static double Median(List<double> values) => values.Skip(1).Order().ElementAt((values.Count - 1) / 2);
}
