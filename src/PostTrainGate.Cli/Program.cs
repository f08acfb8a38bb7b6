using System.Text;
using PostTrainGate.Cli;
using PostTrainGate.Cli.Engine;
using PostTrainGate.Models;

VectorWidth.Pin(); // before the first tensor
if (args is [EngineWorker.Argument]) return EngineWorker.Run();
if (Console.OutputEncoding.CodePage != Encoding.UTF8.CodePage)
    Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
return await CommandLine.RunAsync(args, CliHost.OfProcess());
