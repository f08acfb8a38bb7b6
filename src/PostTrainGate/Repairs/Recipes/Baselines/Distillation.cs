using System.Globalization;
using PostTrainGate.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// Defensive distillation (Papernot et al., S&amp;P 2016), in its textbook form: a teacher learns the labels at a
/// temperature, a student of the same graph with fresh weights learns the teacher's soft labels at it, and predicts at
/// temperature 1. Known to mask gradients only (Carlini and Wagner 2017): a negative control.
/// </summary>
internal sealed class Distillation : IRepair
{
    private const int TeacherSteps = 1000;

    /// <inheritdoc/>
    public bool ByDefault => false;

    /// <inheritdoc/>
    public string Name => "distillation";

    /// <inheritdoc/>
    public string Summary =>
        "A fresh student learns soft labels at a high temperature (Papernot et al., S&P 2016; negative control).";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context) =>
        context.UnderAttack().Length == 0 ? "no gate with an attack failed" : null;

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context)
    {
        foreach (var temperature in new[] { 10.0, 20.0 })
        {
            var plan = RecipePlan.Fixed(Student(temperature, context.Source), context);
            var teaching = RecipePlan.Fixed(Teacher(temperature), context).Cost;
            yield return plan with
            {
                Cost = plan.Cost + teaching,
                Make = c =>
                {
                    // Unjudged: its last state is the teacher.
                    var teacher = ModelTransform
                        .Run(
                            Teacher(temperature),
                            new(c.Source, c.RepairSet, c.Seed, Deadline: c.Deadline, Cancel: c.Cancel)
                        )
                        .Model;
                    c.Owned.Add(teacher);
                    return Student(temperature, teacher);
                },
                Start = c => FreshWeights.Draw(c.Source, c.Seed),
            };
        }
    }

    /// <summary>The student's recipe: cross-entropy with the teacher's probabilities, both at the temperature.</summary>
    internal static TransformRecipe Student(double temperature, OnnxClassifier teacher) =>
        new(
            Named(temperature),
            OnnxClassifier.LogitsTap,
            Baselines.Rows,
            (context, inputs) =>
            {
                var soft = teacher.ActivationsOfAll(inputs.Rows, OnnxClassifier.LogitsTap, z => Soften(z, temperature));
                return new(
                    (logits, batch) => Loss(logits, soft.index_select(0, batch.Index), temperature),
                    "soft labels of the teacher"
                );
            },
            Slices.Everything,
            Baselines.FromScratch
        );

    private static TransformRecipe Teacher(double temperature) =>
        new(
            $"{Named(temperature)}, teacher",
            OnnxClassifier.LogitsTap,
            Baselines.Rows,
            (_, _) =>
                new(
                    (logits, batch) =>
                    {
                        using Scalar divisor = temperature;
                        return nn.functional.cross_entropy(logits.div(divisor), batch.Labels!);
                    },
                    "labels"
                ),
            Slices.Everything,
            Baselines.FineTuning with
            {
                Steps = TeacherSteps,
                Checkpoints = 0,
            }
        );

    private static string Named(double temperature) =>
        string.Create(CultureInfo.InvariantCulture, $"distillation T={temperature:G3}");

    private static Tensor Soften(Tensor logits, double temperature)
    {
        using Scalar divisor = temperature;
        return logits.div(divisor).softmax(1);
    }

    private static Tensor Loss(Tensor logits, Tensor soft, double temperature)
    {
        using Scalar divisor = temperature;
        return logits.div(divisor).log_softmax(1).mul(soft).sum(1).mean().neg();
    }
}
