using System.Globalization;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// Attacks on the first 1,000 test images of Fashion-MNIST, in units of one full input-gradient pass over the same images in the same
/// process, beside foolbox's figure in the same unit. <c>whole</c>: every row uses all steps, as foolbox's do; <c>gate</c>: through the
/// harness, only what still stands. Options: models to attack (<c>cnn lenet5</c>), <c>--threads N</c> (1, as in the reference).
/// </summary>
internal static class AttackBench
{
    private const string Fixtures = "../shared/fixtures/";
    private const int Rows = 1000, Batch = 250, Repeats = 3;

    private static readonly (string Reference, AttackSettings Settings)[] Attacks =
    [
        ("fgsm_0.1", new("fgsm", Norm.Linf, 0.1)),
        ("pgd_linf_0.1", new("pgd", Norm.Linf, 0.1) { Steps = 40, StepSize = 0.01, RandomStart = false }),
        ("pgd_linf_8_255", new("pgd", Norm.Linf, 8 / 255.0) { Steps = 20, StepSize = 2 / 255.0, RandomStart = false }),
        ("pgd_l2_2", new("pgd", Norm.L2, 2) { Steps = 40, StepSize = 0.1, RandomStart = false }),
    ];

    public static int Run(string[] args)
    {
        NativeMemory.Tune();
        var threads = Array.IndexOf(args, "--threads");
        set_num_threads(threads >= 0 ? int.Parse(args[threads + 1], CultureInfo.InvariantCulture) : 1);
        var names = args.Where(a => a is "cnn" or "lenet5").DefaultIfEmpty("cnn");
        var reference = File.ReadLines(Fixtures + "reference/attacks.csv").Select(l => l.Split(',')).ToList();
        var ratio = Array.IndexOf([.. reference[0]], "ratio");

        using var scope = NewDisposeScope();
        var folder = "/usr/share/datasets/fashion-mnist/";
        var images = (IdxFile.Read(folder + "t10k-images-idx3-ubyte.gz").narrow(0, 0, Rows).to(float32) / 255).unsqueeze(1);
        var labels = IdxFile.Read(folder + "t10k-labels-idx1-ubyte.gz").narrow(0, 0, Rows).to(int64);
        Console.WriteLine($"{Rows} images, batch {Batch}, threads {get_num_threads()}, median of {Repeats}, processor time; passes = times one input-gradient pass");
        foreach (var name in names)
        {
            using var model = OnnxClassifier.Load($"{Fixtures}fmnist/{name}.onnx");
            foreach (var (file, settings) in Attacks)
            {
                var foolbox = reference.Single(r => r[0] == name && r[1] == file && r[2] == "foolbox" && r[3] == $"{Rows}")[ratio];
                List<double> pass = [], whole = [], gate = [];
                double robust = 0;
                for (var i = 0; i <= Repeats; i++) // the first round warms up
                {
                    pass.Add(Seconds(() => GradientPass(model, images, labels)));
                    whole.Add(Seconds(() => Whole(model, images, labels, settings)));
                    gate.Add(Seconds(() =>
                    {
                        using var outcome = AttackHarness.Run(model, images, labels, new(settings, 1));
                        robust = outcome.RobustAccuracy;
                    }));
                }

                var unit = Median(pass);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{name,-7} {file,-15} pass {unit:F3} s, whole {Median(whole):F3} s = {Median(whole) / unit:F1} passes (foolbox {foolbox}), ")
                    + string.Create(CultureInfo.InvariantCulture,
                        $"gate {Median(gate):F3} s = {Median(gate) / unit:F1} passes, robust accuracy {robust:F3}"));
            }
        }

        return 0;
    }

    private static void Whole(OnnxClassifier model, Tensor images, Tensor labels, AttackSettings settings)
    {
        var attack = Catalog.Attacks.First(a => a.Name == settings.Name);
        using var random = new Generator(1);
        var context = new AttackContext(model, Budget.Of(settings, model.Input), settings, random, StopAtSuccess: false);
        EachBatch(images, labels, (x, y) => attack.Perturb(context, x, y));
    }

    private static void GradientPass(OnnxClassifier model, Tensor images, Tensor labels) => EachBatch(images, labels, (x, y) =>
    {
        var input = x.detach().requires_grad_();
        var loss = nn.functional.cross_entropy(model.Logits(input), y, reduction: nn.Reduction.Sum);
        return autograd.grad([loss], [input])[0];
    });

    private static void EachBatch(Tensor images, Tensor labels, Func<Tensor, Tensor, Tensor> work)
    {
        for (var start = 0; start < Rows; start += Batch)
        {
            using var scope = NewDisposeScope();
            work(images.narrow(0, start, Batch), labels.narrow(0, start, Batch));
        }
    }

    // Of the processor, not of the clock: other work on the machine does not count.
    private static double Seconds(Action work)
    {
        var before = Environment.CpuUsage.TotalTime;
        work();
        return (Environment.CpuUsage.TotalTime - before).TotalSeconds;
    }

    private static double Median(List<double> values) => values.Skip(1).Order().ElementAt((values.Count - 1) / 2);
}
